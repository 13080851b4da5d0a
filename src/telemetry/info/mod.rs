//! The text of INFO.
//!
//! A section is a title and a function over the [`Report`], which the server fills in. To add a field, add it to the
//! part of the report it belongs to and to that section's function.

mod counts;
mod memory;
mod report;
mod server;
mod status;
mod text;

pub use report::{
    ClientsReport, CommandReport, DatabaseReport, MemoryReport, PersistenceReport, Report, ServerReport,
};
use text::Text;

/// A part of INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Section {
    /// Version, process, uptime.
    Server = 1 << 0,
    /// Connections.
    Clients = 1 << 1,
    /// Where memory went.
    Memory = 1 << 2,
    /// Shared memory, snapshots, log.
    Persistence = 1 << 3,
    /// Counters.
    Stats = 1 << 4,
    /// Primary or replica.
    Replication = 1 << 5,
    /// Processor time.
    Cpu = 1 << 6,
    /// Modules loaded: none.
    Modules = 1 << 7,
    /// Calls by command.
    CommandStats = 1 << 8,
    /// Error replies by kind.
    ErrorStats = 1 << 9,
    /// Latency percentiles by command.
    LatencyStats = 1 << 10,
    /// Is it a cluster?
    Cluster = 1 << 11,
    /// Keys by database.
    Keyspace = 1 << 12,
}

/// Name, title and text of a section.
struct Part {
    section: Section,
    name: &'static str,
    title: &'static str,
    render: fn(&Report, &mut Text),
}

/// All sections in their order.
const PARTS: [Part; 13] = [
    Part { section: Section::Server, name: "server", title: "Server", render: server::server },
    Part { section: Section::Clients, name: "clients", title: "Clients", render: server::clients },
    Part { section: Section::Memory, name: "memory", title: "Memory", render: memory::memory },
    Part {
        section: Section::Persistence,
        name: "persistence",
        title: "Persistence",
        render: status::persistence,
    },
    Part { section: Section::Stats, name: "stats", title: "Stats", render: counts::stats },
    Part {
        section: Section::Replication,
        name: "replication",
        title: "Replication",
        render: status::replication,
    },
    Part { section: Section::Cpu, name: "cpu", title: "CPU", render: server::cpu },
    Part { section: Section::Modules, name: "modules", title: "Modules", render: |_, _| {} },
    Part {
        section: Section::CommandStats,
        name: "commandstats",
        title: "Commandstats",
        render: counts::commands,
    },
    Part { section: Section::ErrorStats, name: "errorstats", title: "Errorstats", render: counts::errors },
    Part {
        section: Section::LatencyStats,
        name: "latencystats",
        title: "Latencystats",
        render: counts::latencies,
    },
    Part { section: Section::Cluster, name: "cluster", title: "Cluster", render: status::cluster },
    Part { section: Section::Keyspace, name: "keyspace", title: "Keyspace", render: status::keyspace },
];

/// Sections asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections(u32);

impl Sections {
    const ALL: u32 = (1 << PARTS.len()) - 1;
    const EVERY_CALL: u32 = Section::CommandStats as u32 | Section::LatencyStats as u32;

    /// What the arguments of INFO ask for, in any case; unknown names ask for nothing.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut names = names.into_iter().peekable();
        if names.peek().is_none() {
            return Self::named(b"default");
        }
        Self(names.fold(0, |set, name| set | Self::named(name).0))
    }

    fn named(name: &[u8]) -> Self {
        let bits = match name.to_ascii_lowercase().as_slice() {
            b"default" => Self::ALL & !Self::EVERY_CALL,
            b"all" => Self::ALL & !(Section::Modules as u32),
            b"everything" => Self::ALL,
            name => {
                PARTS.iter().find(|part| part.name.as_bytes() == name).map_or(0, |part| part.section as u32)
            }
        };
        Self(bits)
    }

    /// Is `section` asked for? The server need not collect what is not.
    pub fn contains(self, section: Section) -> bool {
        self.0 & section as u32 != 0
    }
}

/// The text of `sections`, each with a title, lines ended by CR LF.
pub fn render(report: &Report, sections: Sections) -> String {
    let mut text = Text::default();
    for part in PARTS.iter().filter(|part| sections.contains(part.section)) {
        text.title(part.title);
        (part.render)(report, &mut text);
    }
    text.finish()
}

#[cfg(test)]
mod tests;
