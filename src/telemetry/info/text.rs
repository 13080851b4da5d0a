//! Lines of INFO.

use std::fmt::{Display, Write};

use crate::config::human_bytes;

/// The text under construction.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a section.
    pub(super) fn title(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        self.line(format_args!("# {title}"));
    }

    /// `name:value`
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name}:{value}"));
    }

    /// The same value for several names; mostly 0, for what does not exist here but is asked for by tools.
    pub(super) fn fields(&mut self, names: &[&str], value: impl Display) {
        names.iter().for_each(|name| self.field(name, &value));
    }

    /// `name:yes` or `no` as 1 or 0.
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.field(name, u8::from(value));
    }

    /// Bytes, once exact and once for people.
    pub(super) fn bytes(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.line(format_args!("{name}_human:{}", human_bytes(bytes)));
    }

    /// A quotient with two decimals; 0.00 if there is nothing to divide by.
    pub(super) fn ratio(&mut self, name: &str, part: f64, whole: f64) {
        let ratio = if whole > 0.0 { part / whole } else { 0.0 };
        self.line(format_args!("{name}:{ratio:.2}"));
    }

    /// A share of a whole in percent.
    pub(super) fn percent(&mut self, name: &str, part: u64, whole: u64) {
        let percent = if whole > 0 { part as f64 * 100.0 / whole as f64 } else { 0.0 };
        self.line(format_args!("{name}:{percent:.2}%"));
    }

    /// Microseconds as seconds.
    pub(super) fn seconds(&mut self, name: &str, microseconds: u64) {
        self.line(format_args!("{name}:{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000));
    }

    pub(super) fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{line}\r\n");
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}
