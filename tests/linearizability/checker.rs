//! Whether a history can have happened one transaction at a time, in an order that respects real time.
//!
//! Lists that are only appended to, with no token twice, show their whole past to each reader, so what must come
//! before what follows from the replies alone (Kingsbury and Alvaro, Elle, VLDB 2020):
//! ```text
//! ww  who appended the token before            ─▶ who appended the next
//! wr  who appended the last token of a reading ─▶ who read it
//! rw  who read a list without a token          ─▶ who appended that token
//! rt  who had its last reply                   ─▶ who had not begun by then
//! ```
//! A cycle among these is a proof that there is no such order; without one, any order of the graph is one.

use std::collections::{BTreeMap, HashMap};

use crate::history::{Op, Token, Transaction};

/// Looks at a history; `keys` is the number of lists, each of which was read at the end.
///
/// # Errors
/// What is wrong, in words.
pub fn check(history: &[Transaction], keys: usize) -> Result<(), String> {
    let orders = orders(history, keys)?;
    let places = places(history, &orders)?;
    check_own(history)?;
    let mut graph = Graph::new(history.len());
    for (key, order) in orders.iter().enumerate() {
        let writer = |nth: usize| order.get(nth).map(|token| places[&(key, *token)]);
        for nth in 1..order.len() {
            graph.connect(writer(nth - 1), writer(nth), "ww", key);
        }
        for (reader, transaction) in history.iter().enumerate() {
            for op in &transaction.ops {
                let Op::Read { key: of, tokens } = op else { continue };
                if *of == key {
                    graph.connect(tokens.len().checked_sub(1).and_then(writer), Some(reader), "wr", key);
                    graph.connect(Some(reader), writer(tokens.len()), "rw", key);
                }
            }
        }
    }
    graph.connect_times(history);
    match graph.cycle() {
        None => Ok(()),
        Some(cycle) => Err(described(&cycle, history)),
    }
}

/// The order of each list: the longest reading, of which all others must be beginnings.
fn orders(history: &[Transaction], keys: usize) -> Result<Vec<Vec<Token>>, String> {
    let mut orders: Vec<&[Token]> = vec![&[]; keys];
    let readings = || {
        history.iter().flat_map(|transaction| &transaction.ops).filter_map(|op| match op {
            Op::Read { key, tokens } => Some((*key, tokens.as_slice())),
            Op::Append { .. } => None,
        })
    };
    for (key, tokens) in readings() {
        if tokens.len() > orders[key].len() {
            orders[key] = tokens;
        }
    }
    for (key, tokens) in readings() {
        if !orders[key].starts_with(tokens) {
            let differs = tokens.iter().zip(orders[key]).position(|(one, other)| one != other);
            return Err(format!("list {key}: two readings differ from token {differs:?} on"));
        }
    }
    Ok(orders.into_iter().map(<[Token]>::to_vec).collect())
}

/// Who appended which token. Each is in its list once if it was appended, and not if the transaction was aborted.
fn places(history: &[Transaction], orders: &[Vec<Token>]) -> Result<HashMap<(usize, Token), usize>, String> {
    let mut writers = HashMap::new();
    for (nth, transaction) in history.iter().enumerate() {
        for op in &transaction.ops {
            if let Op::Append { key, token } = op {
                writers.insert((*key, *token), nth);
            }
        }
    }
    let mut found = HashMap::new();
    for (key, order) in orders.iter().enumerate() {
        for token in order {
            let Some(&writer) = writers.get(&(key, *token)) else {
                return Err(format!("list {key}: token {token} comes from nowhere"));
            };
            if history[writer].is_aborted {
                return Err(format!("list {key}: token {token} of an aborted transaction"));
            }
            if found.insert((key, *token), writer).is_some() {
                return Err(format!("list {key}: token {token} twice"));
            }
        }
    }
    match writers.iter().find(|(at, writer)| !history[**writer].is_aborted && !found.contains_key(at)) {
        Some(((key, token), _)) => Err(format!("list {key}: token {token} is lost")),
        None => Ok(found),
    }
}

/// A transaction sees what it has appended itself so far, at the end.
fn check_own(history: &[Transaction]) -> Result<(), String> {
    for transaction in history.iter().filter(|transaction| !transaction.is_aborted) {
        let mut own: BTreeMap<usize, Vec<Token>> = BTreeMap::new();
        for op in &transaction.ops {
            match op {
                Op::Append { key, token } => own.entry(*key).or_default().push(*token),
                Op::Read { key, tokens } => {
                    if own.get(key).is_some_and(|own| !tokens.ends_with(own)) {
                        return Err(format!(
                            "list {key}: a transaction does not see its own: {transaction:?}"
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Nodes are the transactions, and behind them the moments at which one ended.
struct Graph {
    transactions: usize,
    edges: Vec<Vec<(usize, Edge)>>,
}

/// Why one comes before another.
type Edge = (&'static str, usize);

impl Graph {
    fn new(transactions: usize) -> Graph {
        Graph { transactions, edges: vec![Vec::new(); transactions] }
    }

    fn connect(&mut self, from: Option<usize>, to: Option<usize>, why: &'static str, key: usize) {
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            self.edges[from].push((to, (why, key)));
        }
    }

    /// A chain of moments makes one edge of what would be one for each pair.
    fn connect_times(&mut self, history: &[Transaction]) {
        let mut ends: Vec<usize> = (0..history.len()).collect();
        ends.sort_by_key(|nth| history[*nth].end);
        let first_moment = self.edges.len();
        for (nth, transaction) in ends.iter().enumerate() {
            self.edges.push(Vec::new());
            let moment = first_moment + nth;
            self.connect(Some(*transaction), Some(moment), "rt", 0);
            self.connect(
                moment.checked_sub(1).filter(|before| *before >= first_moment),
                Some(moment),
                "rt",
                0,
            );
        }
        for (nth, transaction) in history.iter().enumerate() {
            let ended = ends.partition_point(|other| history[*other].end < transaction.start);
            self.connect(ended.checked_sub(1).map(|last| first_moment + last), Some(nth), "rt", 0);
        }
    }

    /// Some cycle: its transactions, each with the edge to the next.
    fn cycle(&self) -> Option<Vec<(usize, Edge)>> {
        // Takes away nodes that nothing comes before, over and over (Kahn 1962); the rest lies on or behind cycles.
        let mut before = vec![0; self.edges.len()];
        self.edges.iter().flatten().for_each(|(to, _)| before[*to] += 1);
        let mut free: Vec<usize> = (0..self.edges.len()).filter(|node| before[*node] == 0).collect();
        let mut left = self.edges.len();
        while let Some(node) = free.pop() {
            left -= 1;
            for (to, _) in &self.edges[node] {
                before[*to] -= 1;
                if before[*to] == 0 {
                    free.push(*to);
                }
            }
        }
        if left == 0 {
            return None;
        }
        let is_left = |node: usize| before[node] > 0;
        let starts = (0..self.transactions).filter(|node| is_left(*node));
        starts.filter_map(|start| self.way_back(start, is_left)).min_by_key(Vec::len)
    }

    /// The shortest way from a node to itself.
    fn way_back(&self, start: usize, is_left: impl Fn(usize) -> bool) -> Option<Vec<(usize, Edge)>> {
        let mut came: HashMap<usize, (usize, Edge)> = HashMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for (to, edge) in &self.edges[node] {
                if !is_left(*to) || came.contains_key(to) {
                    continue;
                }
                came.insert(*to, (node, *edge));
                if *to == start {
                    let mut way = Vec::new();
                    let mut at = start;
                    loop {
                        let (from, edge) = came[&at];
                        way.push((from, edge));
                        at = from;
                        if at == start {
                            way.reverse();
                            way.retain(|(node, _)| *node < self.transactions);
                            return Some(way);
                        }
                    }
                }
                queue.push_back(*to);
            }
        }
        None
    }
}

fn described(cycle: &[(usize, Edge)], history: &[Transaction]) -> String {
    let mut text = format!("a circle of {} transactions:\n", cycle.len());
    for (nth, (why, key)) in cycle {
        let Transaction { start, end, ops, .. } = &history[*nth];
        let ops: Vec<String> = ops
            .iter()
            .map(|op| match op {
                Op::Append { key, token } => format!("append {token} to {key}"),
                Op::Read { key, tokens } => {
                    let last = tokens.last().map_or("nothing".into(), |token| format!("… {token}"));
                    format!("read {key}: {last} ({} tokens)", tokens.len())
                }
            })
            .collect();
        text += &format!("  {start}–{end}: {}\n    ─ {why}, list {key} ─▶\n", ops.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each its start, its end and its operations: `a0:1` appends 1 to list 0, `r1:12` finds 1 and 2 in list 1, and `!`
    /// says that it was aborted.
    fn of(transactions: &[(u64, u64, &str)]) -> Vec<Transaction> {
        let op = |word: &str| {
            let (kind, rest) = word.split_at(1);
            let (key, tokens) = rest.split_once(':').expect("a list and tokens");
            let key = key.parse().expect("a list");
            let tokens: Vec<Token> =
                tokens.chars().map(|digit| digit.to_digit(10).expect("a digit")).collect();
            if kind == "a" { Op::Append { key, token: tokens[0] } } else { Op::Read { key, tokens } }
        };
        let make = |(start, end, ops): &(u64, u64, &str)| Transaction {
            start: *start,
            end: *end,
            is_aborted: ops.starts_with('!'),
            ops: ops.trim_start_matches('!').split_ascii_whitespace().map(op).collect(),
        };
        transactions.iter().map(make).collect()
    }

    fn verdict(transactions: &[(u64, u64, &str)]) -> String {
        check(&of(transactions), 2).map_or_else(|complaint| complaint, |()| "fine".into())
    }

    #[test]
    fn what_can_have_happened_passes() {
        assert_eq!(verdict(&[(0, 1, "a0:1 r0:1"), (2, 3, "r0:1 a0:2 a1:1"), (4, 5, "r0:12 r1:1")]), "fine");
        // Overlapping, in the order that the readings ask for.
        assert_eq!(verdict(&[(0, 9, "a0:1"), (1, 8, "r0: a0:2 r0:2"), (20, 21, "r0:21 r1:")]), "fine");
        assert_eq!(verdict(&[(0, 1, "!a0:1 r0:"), (2, 3, "r0: r1:")]), "fine");
    }

    #[test]
    fn what_cannot_is_found() {
        for (transactions, complaint) in [
            // Half of a transaction is seen.
            (&[(0, 9, "a0:1 a1:1"), (1, 8, "r0:1 r1:"), (20, 21, "r0:1 r1:1")][..], "circle of 2"),
            // Each reads what the other has not written yet: write skew.
            (&[(0, 9, "r0: a1:1"), (0, 9, "r1: a0:1"), (20, 21, "r0:1 r1:1")], "circle of 2"),
            // Two observers disagree about the order of two writers.
            (
                &[
                    (0, 9, "a0:1"),
                    (0, 9, "a1:1"),
                    (0, 9, "r0:1 r1:"),
                    (0, 9, "r0: r1:1"),
                    (20, 21, "r0:1 r1:1"),
                ],
                "circle of 4",
            ),
            // A reading of the past, after the reply to the write.
            (&[(0, 1, "a0:1"), (2, 3, "r0:"), (20, 21, "r0:1 r1:")], "circle of 2"),
            // A write between two readings of one transaction.
            (&[(0, 9, "r0: r0:1"), (0, 9, "a0:1"), (20, 21, "r0:1 r1:")], "circle of 2"),
            // An unfinished transaction is seen.
            (&[(0, 9, "a0:1 a0:2"), (0, 9, "r0:1"), (20, 21, "r0:12 r1:")], "circle of 2"),
            (&[(0, 1, "a0:1"), (2, 3, "r0: r1:")], "lost"),
            (&[(0, 1, "a0:1 a0:2"), (2, 3, "r0:12"), (4, 5, "r0:21 r1:")], "differ"),
            (&[(0, 1, "!a0:1"), (2, 3, "r0:1 r1:")], "aborted"),
            (&[(2, 3, "r0:1 r1:")], "nowhere"),
            (&[(0, 1, "a0:1"), (2, 3, "r0:11 r1:")], "twice"),
            (&[(0, 9, "a0:1 r0:"), (20, 21, "r0:1 r1:")], "its own"),
        ] {
            let found = verdict(transactions);
            assert!(found.contains(complaint), "{transactions:?}: {found}");
        }
    }
}
