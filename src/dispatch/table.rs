//! The command table: engine's rows and ours, found by name.

use std::sync::LazyLock;

use engine::command::keys::Begin;
use engine::command::{Arity, DataCommand, Flags, Group, KeyRow, Routing, Spec, VisitCommand};

use super::gates::GateSet;
use super::name::ShortName;
use super::refusal::Refusal;
use crate::commands::catalogue::Listing;
use crate::commands::{Catalogue, ServerCommand};

/// A command as the dispatcher sees it.
#[derive(Debug)]
pub struct Row {
    pub spec: &'static Spec,
    pub run: Run,
    /// Its place in tables of counters, below [`Table::len`].
    pub id: u16,
    /// Where the keys of a data command stand, if that follows from the number of words; always known of a one-shard
    /// command, which has one.
    pub keys: Option<KeyRow>,
    /// How many words name it: 2 for a subcommand.
    pub name_words: u8,
    pub(super) gates: GateSet,
    subcommands: Vec<u16>,
    /// Its name, if that is short.
    short: Option<ShortName>,
}

/// Who runs it.
#[derive(Clone, Copy)]
pub enum Run {
    Data(&'static DataCommand),
    Visit(&'static VisitCommand),
    Server(&'static ServerCommand),
    /// Only its subcommands run.
    Parent,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Run::Data(_) => "Data",
            Run::Visit(_) => "Visit",
            Run::Server(_) => "Server",
            Run::Parent => "Parent",
        })
    }
}

/// All commands.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Row>,
    /// Open addressing: row number + 1, or 0. The length is a power of two.
    places: Vec<u16>,
    catalogue: Catalogue,
}

impl Row {
    /// Whether its name alone says which command it is: it is no subcommand and has none.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.name_words == 1 && self.subcommands.is_empty()
    }
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

impl Table {
    /// The table of this program.
    pub fn get() -> &'static Table {
        &TABLE
    }

    /// How many rows, subcommands counted.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    #[inline]
    pub fn row(&self, id: u16) -> &Row {
        &self.rows[usize::from(id)]
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The commands as COMMAND shows them.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The row of a request of `count` words, at least one; `word` gives them.
    ///
    /// # Errors
    /// No such command or subcommand, or too few or too many words for it.
    #[inline]
    pub fn find<'w>(&self, count: usize, word: impl Fn(usize) -> &'w [u8]) -> Result<&Row, Refusal> {
        let row = self.named(count, word)?;
        if row.spec.arity.admits(count) { Ok(row) } else { Err(Refusal::WrongArity(row.spec.name)) }
    }

    /// As [`Table::find`], whatever the number of words.
    ///
    /// # Errors
    /// No such command or subcommand.
    #[inline]
    pub fn named<'w>(&self, count: usize, word: impl Fn(usize) -> &'w [u8]) -> Result<&Row, Refusal> {
        let Some(row) = self.by_name(word(0)) else {
            return Err(Refusal::unknown_command((0..count).map(word)));
        };
        if row.subcommands.is_empty() || count == 1 {
            return Ok(row);
        }
        self.subcommand(row, word(1)).ok_or_else(|| Refusal::unknown_subcommand(row, word(1)))
    }

    #[inline]
    fn by_name(&self, name: &[u8]) -> Option<&Row> {
        match ShortName::new(name) {
            Some(short) => self.probe(short.hash(), |row| row.short == Some(short)),
            None => self.probe(hash_long(name), |row| row.spec.name.as_bytes().eq_ignore_ascii_case(name)),
        }
    }

    #[inline]
    fn probe(&self, hash: usize, is_it: impl Fn(&Row) -> bool) -> Option<&Row> {
        let mut at = hash;
        loop {
            let row = self.row(self.places[at & (self.places.len() - 1)].checked_sub(1)?);
            if is_it(row) {
                return Some(row);
            }
            at += 1;
        }
    }

    fn subcommand(&self, parent: &Row, word: &[u8]) -> Option<&Row> {
        let skip = parent.spec.name.len() + 1;
        let mut rows = parent.subcommands.iter().map(|id| self.row(*id));
        rows.find(|row| row.spec.name.as_bytes()[skip..].eq_ignore_ascii_case(word))
    }

    fn build() -> Table {
        let data = engine::commands::data_commands().map(|command| (&command.spec, Run::Data(command)));
        let visits = engine::commands::visit_commands().map(|command| (&command.spec, Run::Visit(command)));
        let ours = crate::commands::server_commands().map(|command| (&command.spec, Run::Server(command)));
        let mut rows: Vec<Row> = Vec::new();
        for (spec, run) in data.chain(visits).chain(ours) {
            rows.push(Row::new(rows.len(), spec, run));
        }
        add_parents(&mut rows);
        for id in 0..rows.len() {
            if let Some(parent) = rows[id].spec.parent() {
                let parent = rows.iter_mut().find(|row| row.spec.name == parent).expect("added above");
                parent.subcommands.push(id as u16);
            }
        }
        Table { places: places(&rows), catalogue: catalogue(&rows), rows }
    }
}

impl Row {
    fn new(id: usize, spec: &'static Spec, run: Run) -> Row {
        let keys = match (spec.routing, spec.keys.specs) {
            (Routing::OneShard, [key]) => match key.begin {
                Begin::Index(index) => Some(KeyRow::one(index)),
                Begin::Keyword { .. } | Begin::Unknown => {
                    panic!("{}: one-shard commands have their key at a fixed word", spec.name)
                }
            },
            (Routing::OneShard, _) => panic!("{}: a one-shard command has one key", spec.name),
            (Routing::ManyShards, _) if matches!(run, Run::Data(_)) => spec.keys.row(),
            _ => None,
        };
        Row {
            spec,
            run,
            id: u16::try_from(id).expect("fewer rows than 65536"),
            keys,
            name_words: if spec.parent().is_some() { 2 } else { 1 },
            gates: GateSet::concerning(spec),
            subcommands: Vec::new(),
            short: ShortName::new(spec.name.as_bytes()),
        }
    }
}

/// A row for each name that stands only before a bar.
fn add_parents(rows: &mut Vec<Row>) {
    for id in 0..rows.len() {
        let Some(name) = rows[id].spec.parent() else { continue };
        if rows.iter().any(|row| row.spec.name == name) {
            continue;
        }
        let group = rows[id].spec.group;
        let children = rows.iter().filter(|row| row.spec.parent() == Some(name));
        let since = children.map(|row| row.spec.since).min_by_key(|since| version(since)).unwrap_or_default();
        let spec = parent_spec(name, group, since);
        rows.push(Row::new(rows.len(), Box::leak(Box::new(spec)), Run::Parent));
    }
}

/// The numbers of a version.
fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn parent_spec(name: &'static str, group: Group, since: &'static str) -> Spec {
    Spec::plain(name, Arity::AtLeast(2)).group(group).flags(Flags::empty()).container().doc(
        since,
        "Depends on subcommand.",
        "A container for commands that share a name.",
    )
}

fn places(rows: &[Row]) -> Vec<u16> {
    let mut places = vec![0; (rows.len() * 4).next_power_of_two()];
    for row in rows.iter().filter(|row| row.spec.parent().is_none()) {
        let mut at = row.short.map_or_else(|| hash_long(row.spec.name.as_bytes()), ShortName::hash);
        while places[at & (places.len() - 1)] != 0 {
            at += 1;
        }
        let last = places.len() - 1;
        places[at & last] = row.id + 1;
    }
    places
}

fn catalogue(rows: &[Row]) -> Catalogue {
    let commands = rows.iter().filter(|row| row.spec.parent().is_none());
    Catalogue::new(
        commands
            .map(|row| Listing {
                spec: row.spec,
                subcommands: row.subcommands.iter().map(|id| rows[usize::from(*id)].spec).collect(),
            })
            .collect(),
        rows.iter().map(|row| row.spec).collect(),
    )
}

/// FNV-1a over the name in capitals.
#[inline]
fn hash_long(name: &[u8]) -> usize {
    let hash = name.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_uppercase())).wrapping_mul(0x0100_0000_01B3)
    });
    (hash >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(request: &str) -> Result<&'static str, String> {
        let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        Table::get()
            .find(words.len(), |nth| words[nth])
            .map(|row| row.spec.name)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn every_row_is_found_by_its_name_in_any_case() {
        let table = Table::get();
        for row in table.rows().iter().filter(|row| row.spec.parent().is_none()) {
            let lower = row.spec.name.to_ascii_lowercase();
            assert_eq!(table.by_name(lower.as_bytes()).map(|found| found.id), Some(row.id), "{lower}");
            assert_eq!(table.catalogue().find(lower.as_bytes()).map(|it| it.spec.name), Some(row.spec.name));
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Table::get().rows().iter().map(|row| row.spec.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn strangers_are_named_in_rediss_words() {
        assert_eq!(
            find("nope a bc"),
            Err("ERR unknown command 'nope', with args beginning with: 'a' 'bc' ".into())
        );
        assert_eq!(find("nope"), Err("ERR unknown command 'nope', with args beginning with: ".into()));
        assert_eq!(find("GET"), Err("ERR wrong number of arguments for 'get' command".into()));
        assert_eq!(find("get a b"), Err("ERR wrong number of arguments for 'get' command".into()));
        assert_eq!(find("gEt a"), Ok("GET"));
        let long = "x".repeat(200);
        let error = find(&format!("{long} {long} {long}")).unwrap_err();
        let short = "x".repeat(128);
        assert_eq!(error, format!("ERR unknown command '{short}', with args beginning with: '{short}' "));
    }
}
