use super::super::store::{Caller, Config};
use super::super::{Change, Effect, Kind, Settings, Value};
use super::*;
use crate::config::loader::Loader;

/// Settings that Redis 7.0 does not have.
const NEWER: [&str; 10] = [
    "threads",
    "shards",
    "shm-dir",
    "warm-restart",
    "undo-log-max",
    "pipeline-order",
    "locale-collate",
    "set-max-listpack-entries",
    "set-max-listpack-value",
    "cluster-announce-human-nodename",
];

/// Where an answer differs from Redis 7.0.15 on purpose: setting, probe, answer.
const DIFFERENT: [(&str, &str, &str); 6] = [
    // Redis wraps around to 1 %.
    (
        "maxmemory-clients",
        "99999999999999999999",
        "argument must be between 0 and 9223372036854775807 inclusive",
    ),
    // `nothing` came with Redis 7.2.
    ("loglevel", "zz!", LOG_LEVELS),
    ("loglevel", "-1", LOG_LEVELS),
    ("loglevel", "99999999999999999999", LOG_LEVELS),
    ("loglevel", "1kb", LOG_LEVELS),
    ("loglevel", "1000000", LOG_LEVELS),
];
const LOG_LEVELS: &str = "argument(s) must be one of the following: debug, verbose, notice, warning, nothing";

#[test]
fn names_are_unique_and_in_lower_case() {
    let names: Vec<&str> = all().flat_map(|row| [Some(row.name), row.alias]).flatten().collect();
    for (index, name) in names.iter().enumerate() {
        assert_eq!(*name, name.to_ascii_lowercase());
        assert!(!names[..index].contains(name), "{name} is there twice");
        assert!(find(name.to_ascii_uppercase().as_bytes()).is_some());
    }
    assert!(find(b"nosuch").is_none());
    assert!(find(b"\xff").is_none());
}

#[test]
fn defaults_pass_their_own_checks() {
    for setting in all().filter(|row| row.name != "dir") {
        let value = setting.default_value();
        assert!(setting.check.is_none_or(|check| check(&value).is_ok()), "{}", setting.name);
        let adjusted = setting.adjust.map_or(value.clone(), |adjust| adjust(value.clone()));
        assert_eq!(adjusted, value, "{}", setting.name);
    }
}

#[test]
fn settings_that_work_fill_a_field_and_others_say_why_not() {
    for setting in all() {
        match setting.effect {
            Effect::Works => {
                assert!(setting.sets.is_some(), "{} sets nothing", setting.name);
                assert!(setting.doc.ends_with('.'), "{} is not described", setting.name);
            }
            Effect::Idle(why) | Effect::Unkept(why) => assert!(!why.is_empty() && !why.ends_with('.')),
        }
    }
}

#[test]
fn fields_hold_the_ends_of_every_range() {
    for setting in all() {
        let Some(sets) = setting.sets else { continue };
        let ends = match setting.kind {
            Kind::Integer(min, max) => vec![Value::Integer(min), Value::Integer(max)],
            Kind::Bytes(min, max) => vec![Value::Bytes(min), Value::Bytes(max)],
            Kind::Octal => vec![Value::Octal(0), Value::Octal(0o777)],
            Kind::Choice(words) => (0..words.len()).map(|place| Value::Choice(place, words[place])).collect(),
            Kind::Bool => vec![Value::Bool(false), Value::Bool(true)],
            Kind::Text => vec![Value::Text(vec![]), Value::Text(b"x".to_vec())],
            _ => vec![setting.default_value()],
        };
        let outcomes: Vec<Settings> = ends
            .into_iter()
            .map(|value| {
                let mut settings = Settings::defaults();
                sets(&mut settings, &setting.adjust.map_or(value.clone(), |adjust| adjust(value)));
                settings
            })
            .collect();
        if let [first, .., last] = outcomes.as_slice()
            && setting.name != "server_cpulist"
        {
            assert_ne!(first, last, "{} fills no field", setting.name);
        }
    }
}

#[test]
fn a_value_reads_back_from_its_own_lines() {
    for setting in all().filter(|row| row.name != "dir") {
        let value = setting.default_value();
        let mut read = setting.default_value();
        for (index, line) in value.lines().iter().enumerate() {
            let words = crate::config::words::split(line).unwrap();
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let origin = if index == 0 {
                super::super::setting::Origin::Start
            } else {
                super::super::setting::Origin::StartAgain
            };
            read = setting.parse(&words, origin, &read).unwrap_or_else(|e| panic!("{}: {e}", setting.name));
        }
        assert_eq!(read, value, "{}", setting.name);
    }
}

/// A configuration in which everything may be changed.
fn open_config() -> Config {
    let mut loader = Loader::new();
    loader.flag(b"enable-debug-command yes").unwrap();
    loader.flag(b"enable-protected-configs yes").unwrap();
    Config::new(loader.finish().unwrap().0, None)
}

#[test]
fn answers_are_those_of_redis() {
    let recorded = include_str!("redis-7.0.15.tsv").lines().filter(|line| !line.starts_with('#'));
    let probes = ["zz!", "-1", "99999999999999999999", "1kb", "1000000"];
    let mut names = Vec::new();
    let mut wrong = Vec::new();
    for line in recorded {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[name, default, ref answers @ ..] = fields.as_slice() else { panic!("{line}") };
        names.push(name);
        let Some(place) = find(name.as_bytes()) else {
            wrong.push(format!("{name} is missing"));
            continue;
        };
        if row(place).name != "dir" && row(place).default_value().text() != default.as_bytes() {
            wrong.push(format!("{name} is {default} by default"));
        }
        for (probe, answer) in probes.iter().zip(answers).filter(|(_, answer)| **answer != "-") {
            let config = open_config();
            let given = match config.set(
                &[(name.as_bytes(), probe.as_bytes())],
                Caller { local: true },
                |_| Ok(()),
            ) {
                Ok(_) => {
                    format!("OK {}", String::from_utf8(config.get(&[name.as_bytes()])[0].1.clone()).unwrap())
                }
                Err(error) => error.to_string().split_once(" - ").unwrap().1.to_owned(),
            };
            let difference =
                DIFFERENT.iter().find(|(known, known_probe, _)| *known == name && known_probe == probe);
            assert!(difference.is_none_or(|(_, _, own)| own != answer), "{name} {probe} is not different");
            let expected = difference.map_or(*answer, |(_, _, own)| own);
            if given != expected {
                wrong.push(format!("{name} {probe}: {given:?} instead of {expected:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    for setting in all().filter(|row| !row.hidden && !NEWER.contains(&row.name)) {
        assert!(names.contains(&setting.name), "Redis has no {}", setting.name);
    }
    for setting in all().filter(|row| matches!(row.change, Change::AtStart | Change::AtStartOwn)) {
        let own = setting.change == Change::AtStartOwn;
        assert_eq!(own, !names.contains(&setting.name), "{} is Hearth's own", setting.name);
    }
}

#[test]
fn dangerous_settings_are_protected() {
    for name in ["dir", "dbfilename"] {
        assert_eq!(row(find(name.as_bytes()).unwrap()).change, Change::Protected);
    }
    for name in ["requirepass", "masterauth", "tls-key-file-pass"] {
        assert!(row(find(name.as_bytes()).unwrap()).sensitive);
    }
}
