//! docs/settings.md, made from the table. The test fails when the page is not what the table says; with
//! `HEARTH_BLESS=1` it writes the page instead.

use std::fmt::Write;

use super::super::{Change, Effect, Kind, Setting};
use super::TOPICS;

const HEAD: &str = "# Settings

Every setting can stand in a configuration file (`name value`), on the command line (`--name value`), and, unless it
says *at start*, be changed with `CONFIG SET`. Where a setting says *at start*, `CONFIG SET` refuses it as Redis does; if
Redis does not have it, the present value is accepted, so that a client may write back all that `CONFIG GET` shows. Names, values and defaults are those of Redis where Redis has the
setting; all settings of Redis 7.0 are accepted. *No effect* means that Hearth has nothing to set there, and says why.
*Only the default* marks a promise that is not kept yet: another value is refused at start, and at run time unless
`enable-debug-command` is `yes`.

This page is made from the table in `src/config/table/`; do not edit it. `HEARTH_BLESS=1 cargo test -p hearth page`
writes it anew.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (title, rows) in TOPICS {
        let _ = write!(
            page,
            "\n## {title}\n\n| setting | default | values | changes | what it does |\n|---|---|---|---|---|\n"
        );
        for setting in rows.iter().filter(|setting| !setting.hidden) {
            let alias = setting.alias.map(|alias| format!(", `{alias}`")).unwrap_or_default();
            let default =
                if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
            let change = match setting.change {
                Change::Anytime => "any time",
                Change::Protected => "any time, protected",
                Change::AtStart | Change::AtStartOwn => "at start",
            };
            let (name, values, effect) = (setting.name, values(setting.kind), effect(setting));
            let _ = writeln!(page, "| `{name}`{alias} | {default} | {values} | {change} | {effect} |");
        }
    }
    page
}

fn effect(setting: &Setting) -> String {
    match setting.effect {
        Effect::Works => setting.doc.to_owned(),
        Effect::Idle(why) => format!("No effect: {why}."),
        Effect::Unkept(why) => format!("Only the default: {why}."),
    }
}

fn values(kind: Kind) -> String {
    let memory = |min: u64, max: u64| match (min, max) {
        (0, _) => "memory".to_owned(),
        (min, max) if max >= i64::MAX as u64 => {
            format!("memory from {}", super::super::units::format_bytes(min))
        }
        (min, max) => {
            let [min, max] = [min, max].map(super::super::units::format_bytes);
            format!("memory from {min} to {max}")
        }
    };
    match kind {
        Kind::Bool => "yes, no".into(),
        Kind::Integer(min, max) if max >= i128::from(i32::MAX) => format!("number from {min}"),
        Kind::Integer(min, max) => format!("{min} to {max}"),
        Kind::Bytes(min, max) => memory(min, max),
        Kind::BytesOrPercent => "memory or percent".into(),
        Kind::Octal => "octal up to 777".into(),
        Kind::Choice(words) => words.join(", "),
        Kind::Text => "text".into(),
        Kind::Events => "letters of `Ag$lshzxeKEtmdn`".into(),
        Kind::Save => "pairs of seconds and changes".into(),
        Kind::OutputLimits => "class, hard, soft, seconds".into(),
        Kind::Percentiles => "numbers from 0 to 100".into(),
        Kind::Addresses => "addresses".into(),
        Kind::OomScores => "three scores".into(),
        Kind::Primary => "host and port, or `no one`".into(),
        Kind::Shutdown => "default, save, nosave, now, force".into(),
    }
}

#[test]
fn the_page_of_settings_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
    if std::env::var_os("HEARTH_BLESS").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page(), "docs/settings.md is out of date: HEARTH_BLESS=1 cargo test -p hearth page");
}
