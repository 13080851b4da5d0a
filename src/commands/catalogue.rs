//! Every command there is, for COMMAND and for the gates of later rooms.

use engine::command::Spec;

/// A command with its subcommands.
#[derive(Debug, Clone)]
pub struct Listing {
    pub spec: &'static Spec,
    /// In the order of their rows; empty for most.
    pub subcommands: Vec<&'static Spec>,
}

/// All commands, ordered by name.
#[derive(Debug, Default)]
pub struct Catalogue {
    listings: Vec<Listing>,
    rows: Vec<&'static Spec>,
}

impl Catalogue {
    /// `rows` are all commands and subcommands in the order in which they are counted.
    pub fn new(mut listings: Vec<Listing>, rows: Vec<&'static Spec>) -> Catalogue {
        listings.sort_by_key(|listing| listing.spec.name);
        Catalogue { listings, rows }
    }

    /// All commands and subcommands; the place of each is its number in counters of commands.
    pub fn rows(&self) -> &[&'static Spec] {
        &self.rows
    }

    /// How many commands, subcommands not counted.
    pub fn len(&self) -> usize {
        self.listings.len()
    }

    pub fn is_empty(&self) -> bool {
        self.listings.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Listing> {
        self.listings.iter()
    }

    /// A command by its name, in any case.
    pub fn find(&self, name: &[u8]) -> Option<&Listing> {
        let name = name.to_ascii_uppercase();
        let at = self.listings.binary_search_by(|listing| listing.spec.name.as_bytes().cmp(&name));
        at.ok().map(|at| &self.listings[at])
    }

    /// The command or subcommand that a request asks for, whatever its arguments.
    pub fn find_request(&self, words: &[&[u8]]) -> Option<&'static Spec> {
        let listing = self.find(words.first()?)?;
        match words.get(1) {
            Some(word) if !listing.subcommands.is_empty() => {
                let skip = listing.spec.name.len() + 1;
                let mut subcommands = listing.subcommands.iter().copied();
                subcommands.find(|spec| spec.name.as_bytes()[skip..].eq_ignore_ascii_case(word))
            }
            _ => Some(listing.spec),
        }
    }

    /// A command or subcommand by its full name, e.g. `get` or `client|list`, in any case.
    pub fn find_full(&self, name: &[u8]) -> Option<&'static Spec> {
        let Some(bar) = name.iter().position(|&byte| byte == b'|') else {
            return self.find(name).map(|listing| listing.spec);
        };
        let listing = self.find(&name[..bar])?;
        let mut subcommands = listing.subcommands.iter().copied();
        subcommands.find(|spec| spec.name.as_bytes().eq_ignore_ascii_case(name))
    }
}
