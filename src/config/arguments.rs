//! The command line of `redis-server`: `[FILE] [-] [--name value …] …`, as lines of a configuration file.
//!
//! Everything up to the next `--name` belongs to the value; but the first word after a name is its value even if
//! it begins with `--`. A name and its value may also be one argument (`"--port 7000"`). `--save` with nothing
//! behind it means `--save ""`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::words;

/// A command line taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    /// The configuration file.
    pub(super) file: Option<PathBuf>,
    /// Read more configuration from standard input.
    pub(super) stdin: bool,
    /// The flags as lines.
    pub(super) lines: Vec<Vec<u8>>,
}

impl Arguments {
    /// `arguments` are those behind the program's name.
    pub(super) fn parse(arguments: &[OsString]) -> Self {
        let mut parsed = Self::default();
        let mut rest = arguments;
        if let [file, behind @ ..] = rest
            && !file.as_bytes().starts_with(b"-")
        {
            parsed.file = Some(PathBuf::from(file));
            rest = behind;
        }
        let mut value_due = false;
        while let [argument, behind @ ..] = rest {
            rest = behind;
            let bytes = argument.as_bytes();
            // As in Redis: as the first argument of all or the last.
            let first = behind.len() + 1 == arguments.len();
            if bytes == b"-" && (first || behind.is_empty()) {
                parsed.stdin = true;
            } else if let Some(name) = bytes.strip_prefix(b"--")
                && !value_due
            {
                let alone = words::split(name).is_some_and(|words| words.len() == 1);
                let next_is_name = behind.first().is_none_or(|next| next.as_bytes().starts_with(b"--"));
                let empty_save = alone && next_is_name && words::trim(name).eq_ignore_ascii_case(b"save");
                value_due = alone && !empty_save;
                parsed.lines.push([name, if empty_save { b" \"\"" } else { b"" }].concat());
            } else {
                // A value without a name before it becomes a line of its own: `loglevel verbose` works in Redis.
                if parsed.lines.is_empty() {
                    parsed.lines.push(Vec::new());
                }
                let line = parsed.lines.last_mut().expect("pushed above if there was none");
                if !line.is_empty() {
                    line.push(b' ');
                }
                line.extend(words::quote(bytes));
                value_due = false;
            }
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let parsed = Arguments::parse(&arguments);
        parsed.lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn names_and_values_become_lines() {
        assert_eq!(lines(&["--port", "7000", "--bind", "a", "b"]), [r#"port "7000""#, r#"bind "a" "b""#]);
        assert_eq!(lines(&["--port"]), ["port"]);
        assert_eq!(lines(&["--requirepass", "a b\""]), [r#"requirepass "a b\"""#]);
    }

    #[test]
    fn a_file_comes_first_and_standard_input_first_or_last() {
        let parsed = Arguments::parse(&["/etc/a.conf".into(), "--port".into(), "1".into(), "-".into()]);
        assert_eq!(parsed.file, Some("/etc/a.conf".into()));
        assert!(parsed.stdin);
        assert_eq!(parsed.lines, [br#"port "1""#]);
        assert!(Arguments::parse(&["-".into()]).stdin);
        let parsed = Arguments::parse(&["-".into(), "--port".into(), "1".into()]);
        assert!(parsed.stdin);
        assert_eq!(parsed.lines, [br#"port "1""#]);
        assert!(!Arguments::parse(&["--bind".into(), "-".into(), "--port".into(), "1".into()]).stdin);
    }

    #[test]
    fn a_value_may_begin_with_dashes() {
        assert_eq!(
            lines(&["--logfile", "--my--log", "--loglevel", "--bla"]),
            [r#"logfile "--my--log""#, r#"loglevel "--bla""#]
        );
        assert_eq!(lines(&["--port", "--loglevel", "verbose"]), [r#"port "--loglevel" "verbose""#]);
        assert_eq!(
            lines(&["--port", "--bla", "--loglevel", "verbose"]),
            [r#"port "--bla""#, r#"loglevel "verbose""#]
        );
        assert_eq!(lines(&["--replicaof", "--1", "--2"]), [r#"replicaof "--1""#, "2"]);
    }

    #[test]
    fn name_and_value_may_be_one_argument() {
        assert_eq!(
            lines(&["--maxmemory 700mb", "--dir '/a b'", "--port", "1"]),
            ["maxmemory 700mb", "dir '/a b'", r#"port "1""#]
        );
        assert_eq!(lines(&["--port ", "1"]), [r#"port  "1""#]);
    }

    #[test]
    fn words_before_any_name_are_a_line() {
        let parsed = Arguments::parse(&["f".into(), "loglevel".into(), "verbose".into(), "--port 1".into()]);
        assert_eq!(parsed.lines, [br#""loglevel" "verbose""#.to_vec(), b"port 1".to_vec()]);
    }

    #[test]
    fn save_with_nothing_behind_it_is_empty() {
        assert_eq!(lines(&["--save", "--port", "1"]), [r#"save """#, r#"port "1""#]);
        assert_eq!(lines(&["--port", "1", "--save"]), [r#"port "1""#, r#"save """#]);
        assert_eq!(lines(&["--save", "", "--port 1"]), [r#"save """#, "port 1"]);
        assert_eq!(
            lines(&["--proc-title-template", "--save", "--save", ""]),
            [r#"proc-title-template "--save""#, r#"save """#]
        );
        assert_eq!(lines(&["--save", "3600", "1", "300", "100"]), [r#"save "3600" "1" "300" "100""#]);
    }
}
