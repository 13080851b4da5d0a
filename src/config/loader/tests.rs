use super::*;
use crate::config::store::Config;

/// The configuration of these lines, as CONFIG GET would show `names`.
fn shown(lines: &str, names: &[&str]) -> Vec<String> {
    let mut loader = Loader::new();
    loader.stdin(lines.as_bytes()).unwrap();
    let config = Config::new(loader.finish().unwrap().0, None);
    names.iter().map(|name| String::from_utf8(config.value(name).unwrap().text()).unwrap()).collect()
}

fn refusal(lines: &str) -> String {
    let mut loader = Loader::new();
    let outcome = loader.stdin(lines.as_bytes()).and_then(|()| loader.finish().map(|_| ()));
    outcome.unwrap_err().to_string()
}

fn warnings(lines: &str) -> Vec<String> {
    let mut loader = Loader::new();
    loader.stdin(lines.as_bytes()).unwrap();
    loader.finish().unwrap().1
}

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hearth-config-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn comments_and_blank_lines_are_skipped() {
    let lines = "# a comment\n\n  \t\r\n   # another\nport 7000\r\nmaxmemory 1gb";
    assert_eq!(shown(lines, &["port", "maxmemory"]), ["7000", "1073741824"]);
}

#[test]
fn later_lines_win() {
    assert_eq!(shown("port 1\nport 2\nPORT 3", &["port"]), ["3"]);
}

#[test]
fn values_may_be_quoted() {
    let lines = r#"requirepass "a \"b\" \x41"
        logfile ''
        "loglevel" 'verbose'"#;
    assert_eq!(shown(lines, &["requirepass", "logfile", "loglevel"]), ["a \"b\" A", "", "verbose"]);
}

#[test]
fn both_names_of_a_setting_are_one() {
    let lines = "hash-max-ziplist-entries 20\nhash-max-listpack-entries 21";
    assert_eq!(shown(lines, &["hash-max-listpack-entries", "hash-max-ziplist-entries"]), ["21", "21"]);
    let lines = "slave-priority 7";
    assert_eq!(shown(lines, &["replica-priority"]), ["7"]);
}

#[test]
fn save_points_replace_the_default_and_then_add_up() {
    assert_eq!(shown("", &["save"]), ["3600 1 300 100 60 10000"]);
    assert_eq!(shown("save 900 1", &["save"]), ["900 1"]);
    assert_eq!(shown("save 900 1\nsave 100 100", &["save"]), ["900 1 100 100"]);
    assert_eq!(shown("save 900 1\nsave \"\"", &["save"]), [""]);
    assert_eq!(shown("save \"\"\nsave 1 2", &["save"]), ["1 2"]);
    assert_eq!(shown("save \"3600 1 300 100\"", &["save"]), ["3600 1 300 100"]);
}

#[test]
fn words_and_one_quoted_text_are_the_same() {
    for lines in ["bind 1.1.1.1 -::1", "bind \"1.1.1.1 -::1\""] {
        assert_eq!(shown(lines, &["bind"]), ["1.1.1.1 -::1"]);
    }
    assert_eq!(shown("bind \"\"", &["bind"]), [""]);
    assert_eq!(
        shown("client-output-buffer-limit pubsub 1 2 3", &["client-output-buffer-limit"]),
        ["normal 0 0 0 slave 268435456 67108864 60 pubsub 1 2 3"]
    );
    assert_eq!(
        shown(
            "shutdown-on-sigint nosave force now\nshutdown-on-sigterm \"nosave force\"",
            &["shutdown-on-sigint", "shutdown-on-sigterm"]
        ),
        ["nosave now force", "nosave force"]
    );
}

#[test]
fn a_mistake_is_shown_with_its_line() {
    let text = refusal("\nport abc\n");
    let expected = format!(
        "\n*** FATAL CONFIG FILE ERROR (Hearth {}) ***\nReading the configuration from standard input, at line 2\n\
         >>> 'port abc'\nargument couldn't be parsed into an integer",
        crate::config::VERSION
    );
    assert_eq!(text, expected);
}

#[test]
fn mistakes_have_the_words_of_redis() {
    for (line, reason) in [
        ("nosuch 1", "Bad directive or wrong number of arguments"),
        ("include", "Bad directive or wrong number of arguments"),
        ("port", "wrong number of arguments"),
        ("port 1 2", "wrong number of arguments"),
        ("port \"1", "Unbalanced quotes in configuration line"),
        ("databases 0", "argument must be between 1 and 2147483647 inclusive"),
        ("unixsocketperm 778", "argument couldn't be parsed as an octal number"),
        ("unixsocketperm -1", "argument must be between 0 and 777 inclusive"),
        ("supervised zz", "argument(s) must be one of the following: upstart, systemd, auto, no"),
        ("appendfilename a/b", "appendfilename can't be a path, just a filename"),
        ("appenddirname a/b", "appenddirname can't be a path, just a dirname"),
        ("dir /nonexistent", "No such file or directory"),
        ("dir /dev/null", "Not a directory"),
        ("save 1", "Invalid save parameters"),
        ("shutdown-on-sigint", "argument(s) must be one of the following: default, save, nosave, now, force"),
        ("replicaof a", "wrong number of arguments"),
        ("replicaof 127.0.0.1 abc", "Invalid master port"),
        ("proc-title-template {a}", "template format is invalid or contains unknown variables"),
        ("server_cpulist x", "Invalid list of processors"),
    ] {
        let text = refusal(line);
        assert!(text.ends_with(&format!(">>> '{line}'\n{reason}")), "{line}: {text}");
    }
}

#[test]
fn what_is_not_kept_is_refused() {
    for (line, word) in [
        ("appendonly yes", "survives a crash"),
        ("replicaof 10.0.0.1 6379", "replication"),
        ("cluster-enabled yes", "cluster"),
        ("daemonize yes", "foreground"),
        ("tls-port 6380", "encrypted"),
        ("aclfile users.acl", "requirepass"),
        ("user alice on +@all", "requirepass"),
        ("rename-command FLUSHALL \"\"", "renamed"),
        ("loadmodule /x.so", "Modules"),
        ("sentinel monitor a b 1 1", "Sentinel"),
        ("maxmemory-policy allkeys-lru", "evicted"),
    ] {
        let text = refusal(line);
        assert!(text.contains(word) && text.contains(&format!(">>> '{line}'")), "{line}: {text}");
    }
}

#[test]
fn a_later_line_takes_a_promise_back() {
    assert_eq!(shown("appendonly yes\nappendonly no", &["appendonly"]), ["no"]);
    assert_eq!(shown("replicaof no one", &["replicaof"]), [""]);
}

#[test]
fn settings_without_effect_are_pointed_out_when_they_say_something() {
    assert_eq!(warnings("port 1\nappendfsync everysec\nnotify-keyspace-events \"\""), Vec::<String>::new());
    let [warning] = warnings("io-threads 4").try_into().unwrap();
    assert_eq!(
        warning,
        "The setting 'io-threads' has no effect: every worker does its own input and output; see threads."
    );
    assert_eq!(warnings("save 3600 1 300 100 60 10000").len(), 1, "even if it is what the default says");
    assert_eq!(warnings("save \"\"").len(), 1);
    assert_eq!(warnings("").len(), 0);
}

#[test]
fn old_directives_without_meaning_are_accepted() {
    assert_eq!(shown("list-max-ziplist-entries 512\nlua-replicate-commands yes\nport 5", &["port"]), ["5"]);
}

#[test]
fn files_include_files() {
    let directory = Directory::new("include");
    directory.write("b.inc", "maxclients 5\nport 2");
    directory.write("c.inc", "timeout 9");
    directory.write(".d.inc", "nosuch directive");
    directory.write("e.txt", "nosuch directive");
    let main = directory.write(
        "main.conf",
        &format!("port 1\ninclude {0}/*.inc\ninclude {0}/none*\n", directory.0.display()),
    );
    let mut loader = Loader::new();
    loader.file(&main).unwrap();
    let config = Config::new(loader.finish().unwrap().0, None);
    assert_eq!(config.settings().port, 2);
    assert_eq!(config.settings().clients_max, 5);
    assert_eq!(config.settings().client_idle_s_max, 9);
}

#[test]
fn a_mistake_in_an_included_file_names_that_file() {
    let directory = Directory::new("blame");
    let inner = directory.write("inner.conf", "\n\nport x");
    let main = directory.write("main.conf", &format!("include {}", inner.display()));
    let text = Loader::new().file(&main).unwrap_err().to_string();
    assert!(
        text.contains(&format!("Reading the configuration file {}, at line 3", inner.display())),
        "{text}"
    );
}

#[test]
fn files_that_include_themselves_are_refused() {
    let directory = Directory::new("loop");
    let path = directory.0.join("loop.conf");
    directory.write("loop.conf", &format!("include {}", path.display()));
    let text = Loader::new().file(&path).unwrap_err().to_string();
    assert!(text.contains("include each other more than 16 deep"), "{text}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let text = Loader::new().file(Path::new("/nonexistent/x.conf")).unwrap_err().to_string();
    assert_eq!(
        text,
        "Fatal error, can't open config file '/nonexistent/x.conf': No such file or directory (os error 2)"
    );
}

#[test]
fn the_working_directory_is_shown_absolute() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(shown("", &["dir"]), [here.to_string_lossy()]);
    assert_eq!(shown("dir ./", &["dir"]), [here.canonicalize().unwrap().to_string_lossy()]);
}
