use super::*;
use crate::config::loader::Loader;
use crate::config::{Allow, View};

const LOCAL: Caller = Caller { local: true };
const REMOTE: Caller = Caller { local: false };

fn config(lines: &str) -> Config {
    let mut loader = Loader::new();
    loader.stdin(lines.as_bytes()).unwrap();
    Config::new(loader.finish().unwrap().0, None)
}

fn set(config: &Config, pairs: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    config.set(&pairs, REMOTE, |_| Ok(())).map_err(|error| error.to_string())
}

fn get(config: &Config, patterns: &[&str]) -> Vec<(String, String)> {
    let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    config.get(&patterns).into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn get_takes_names_and_patterns() {
    let config = config("");
    assert_eq!(get(&config, &["maxmemory"]), pairs(&[("maxmemory", "0")]));
    assert_eq!(
        get(&config, &["MaxMemory"]),
        pairs(&[("MaxMemory", "0")]),
        "a name comes back as it was sent"
    );
    assert_eq!(
        get(&config, &["HASH-max-*-entries"]),
        pairs(&[("hash-max-listpack-entries", "512"), ("hash-max-ziplist-entries", "512")])
    );
    assert_eq!(get(&config, &["nosuch", "no*such"]), vec![]);
    assert_eq!(
        get(&config, &["[m]axclients", "maxclients", "MAXCLIENTS"]),
        pairs(&[("maxclients", "10000")])
    );
    assert_eq!(get(&config, &["*of"]), pairs(&[("replicaof", ""), ("slaveof", "")]));
}

#[test]
fn hidden_settings_are_found_by_name_only() {
    let config = config("");
    assert_eq!(get(&config, &["Key-Load-Delay"]), pairs(&[("Key-Load-Delay", "0")]));
    assert_eq!(get(&config, &["key-load-d*"]), vec![]);
    assert!(get(&config, &["*"]).len() > 190);
}

#[test]
fn set_takes_several_at_once() {
    let config = config("");
    set(&config, &[("maxmemory", "10mb"), ("SAVE", "3000 5"), ("timeout", "7")]).unwrap();
    assert_eq!(
        get(&config, &["maxmemory", "save", "timeout"]),
        pairs(&[("maxmemory", "10485760"), ("save", "3000 5"), ("timeout", "7")])
    );
    assert_eq!(config.settings().memory_bytes_max, 10 << 20);
    assert_eq!(config.settings().client_idle_s_max, 7);
}

#[test]
fn save_points_set_at_run_time_replace() {
    let config = config("save 900 1");
    set(&config, &[("save", "10 20 30 40")]).unwrap();
    set(&config, &[("save", "5 5")]).unwrap();
    assert_eq!(get(&config, &["save"]), pairs(&[("save", "5 5")]));
    set(&config, &[("save", "")]).unwrap();
    assert_eq!(get(&config, &["save"]), pairs(&[("save", "")]));
    assert!(set(&config, &[("save", "  900   1 ")]).is_err(), "blanks are not skipped here");
}

#[test]
fn refusals_have_the_words_of_redis() {
    let config = config("");
    let failed = |name: &str, reason: &str| {
        Err(format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}"))
    };
    for (pairs, outcome) in [
        (
            vec![("nosuch", "1")],
            Err("Unknown option or number of arguments for CONFIG SET - 'nosuch'".to_owned()),
        ),
        (
            vec![("maxmemory", "1"), ("NoSuch", "2")],
            Err("Unknown option or number of arguments for CONFIG SET - 'NoSuch'".to_owned()),
        ),
        (vec![("daemonize", "yes"), ("nosuch", "1")], failed("daemonize", "can't set immutable config")),
        (vec![("maxmemory", "zz"), ("Daemonize", "yes")], failed("Daemonize", "can't set immutable config")),
        (vec![("maxmemory", "1"), ("maxmemory", "2")], failed("maxmemory", "duplicate parameter")),
        (
            vec![("maxmemory", "zz"), ("timeout", "zz")],
            failed("maxmemory", "argument must be a memory value"),
        ),
        (vec![("dir", "/tmp")], failed("dir", "can't set protected config")),
        (
            vec![("maxmemory", "5"), ("maxmemory-clients", "200%")],
            failed("maxmemory-clients", "percentage argument must be less or equal to 100"),
        ),
        (vec![("MaxMemory", "zz")], failed("maxmemory", "argument must be a memory value")),
        (
            vec![("HASH-max-ziplist-entries", "x")],
            failed("hash-max-ziplist-entries", "argument couldn't be parsed into an integer"),
        ),
        (vec![("port", "99999")], failed("port", "argument must be between 0 and 65535 inclusive")),
    ] {
        assert_eq!(set(&config, &pairs), outcome, "{pairs:?}");
        assert_eq!(get(&config, &["maxmemory"]), super::tests::pairs(&[("maxmemory", "0")]));
    }
    assert_eq!(config.generation(), 0);
}

#[test]
fn protected_settings_open_to_whom_they_are_given() {
    let here = std::env::temp_dir();
    let here = here.to_str().unwrap().as_bytes();
    for (allow, caller, allowed) in
        [("no", LOCAL, false), ("local", LOCAL, true), ("local", REMOTE, false), ("yes", REMOTE, true)]
    {
        let config = config(&format!("enable-protected-configs {allow}"));
        assert_eq!(config.set(&[(b"dir", here)], caller, |_| Ok(())).is_ok(), allowed, "{allow} {caller:?}");
    }
}

#[test]
fn promises_are_accepted_for_testing_only() {
    let strict = config("");
    let refusal = set(&strict, &[("appendonly", "yes")]).unwrap_err();
    assert!(
        refusal.contains("(possibly related to argument 'appendonly') - not possible: no log of writes"),
        "{refusal}"
    );
    assert_eq!(set(&strict, &[("appendonly", "no")]), Ok(vec![]));

    let local = config("enable-debug-command local");
    assert!(set(&local, &[("appendonly", "yes")]).is_err());

    let testing = config("enable-debug-command yes");
    let [warning] = set(&testing, &[("appendonly", "yes")]).unwrap().try_into().unwrap();
    assert!(
        warning.starts_with("The setting 'appendonly' was accepted for testing only: no log"),
        "{warning}"
    );
    assert_eq!(get(&testing, &["appendonly"]), pairs(&[("appendonly", "yes")]));
    assert_eq!(set(&testing, &[("appendonly", "yes")]), Ok(vec![]), "nothing changed, nothing to say");
}

#[test]
fn what_cannot_be_applied_changes_nothing() {
    let config = config("");
    let mut asked = Vec::new();
    let outcome = config.set(&[(b"maxmemory", b"1mb"), (b"Port", b"7")], LOCAL, |changes| {
        asked.extend(changes.settings.iter().map(|row| row.name));
        assert_eq!((changes.before.port, changes.after.port), (6379, 7));
        Err(Refused { setting: "port", reason: "Unable to listen on this port".into() })
    });
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port"
    );
    assert_eq!(asked, ["port", "maxmemory"], "in the order of the table");
    assert_eq!(get(&config, &["maxmemory", "port"]), pairs(&[("maxmemory", "0"), ("port", "6379")]));
}

#[test]
fn setting_what_is_set_already_is_no_change() {
    let config = config("");
    let outcome = config.set(&[(b"port", b"6379")], LOCAL, |_| panic!("nothing to apply"));
    assert_eq!(outcome, Ok(vec![]));
    assert_eq!(config.generation(), 0);
}

#[test]
fn every_setting_can_be_set_to_what_it_is() {
    let config = config("enable-protected-configs yes\nthreads 3\nshm-dir /dev/shm/x\nundo-log-max 1mb");
    for (name, value) in config.get(&[b"*"]) {
        let fixed_in_redis = table::row(table::find(&name).unwrap()).change == Change::AtStart;
        match config.set(&[(&name, &value)], LOCAL, |_| Ok(())) {
            Ok(_) => assert!(!fixed_in_redis),
            Err(error) => {
                assert!(fixed_in_redis, "{error}");
                assert!(error.to_string().ends_with("can't set immutable config"), "{error}");
            }
        }
    }
    assert_eq!(config.generation(), 0);
}

#[test]
fn settings_of_hearth_that_take_effect_at_start_cannot_change() {
    let config = config("threads 3");
    for (name, value) in [
        ("threads", "4"),
        ("shards", "9"),
        ("shm-dir", "/x"),
        ("warm-restart", "no"),
        ("Undo-Log-Max", "1mb"),
    ] {
        let reason = "it takes effect at start only: start the server again with it";
        let name_shown = name.to_ascii_lowercase();
        let expected = format!("CONFIG SET failed (possibly related to argument '{name_shown}') - {reason}");
        assert_eq!(set(&config, &[("maxmemory", "1mb"), (name, value)]), Err(expected));
    }
    assert_eq!(get(&config, &["threads", "maxmemory"]), pairs(&[("threads", "3"), ("maxmemory", "0")]));
    assert_eq!(set(&config, &[("maxmemory", "1mb"), ("threads", "3")]), Ok(vec![]));
    assert_eq!(get(&config, &["maxmemory"]), pairs(&[("maxmemory", "1048576")]));
}

#[test]
fn views_follow_when_they_are_refreshed() {
    let config = Arc::new(config(""));
    let mut view = View::new(Arc::clone(&config));
    assert!(!view.refresh());
    set(&config, &[("maxclients", "5")]).unwrap();
    assert_eq!(view.clients_max, 10_000, "a view stands still");
    assert!(view.refresh());
    assert_eq!(view.clients_max, 5);
    assert!(!view.refresh());
    assert_eq!(view.config().settings().allow_debug, Allow::No);
}

#[test]
fn passwords_are_not_printed() {
    let config = config("requirepass secret");
    assert!(!format!("{config:?}").contains("secret"));
}
