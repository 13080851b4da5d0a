//! `kill -9` while money goes from account to account under MULTI and EXEC: every transfer is there as a whole or not
//! at all, and those acknowledged are there.
//!
//! Each connection numbers its transfers. One moves money between two accounts of the connection's own and between
//! two that all share, and writes its number down, all on whatever shards the names fall. After a kill the number
//! found says which transfers have happened, and so what each account of the connection must hold.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::support::client::encode;
use crate::support::{Client, TestServer, Value};
use crate::{CONNECTIONS, rounds, verify_segments};

/// Accounts of each connection, and accounts that they share.
const ACCOUNTS: usize = 4;
/// Transfers in flight of one connection.
const PIPELINE: usize = 4;
const REQUESTS: usize = 7;

struct Book {
    connection: usize,
    /// Transfers sent, and those whose reply has come.
    sent: u64,
    acknowledged: u64,
}

/// From, to, and how much.
fn transfer(number: u64) -> (usize, usize, i64) {
    let from = (number * 7 % ACCOUNTS as u64) as usize;
    (from, (from + 1 + (number / 3) as usize % (ACCOUNTS - 1)) % ACCOUNTS, (number * 31 % 100) as i64)
}

fn shared(account: usize) -> String {
    format!("shared:{account}")
}

impl Book {
    fn own(&self, account: usize) -> String {
        format!("own:{}:{account}", self.connection)
    }

    fn number_name(&self) -> String {
        format!("number:{}", self.connection)
    }

    /// The next transfer's requests.
    fn request(&mut self) -> Vec<u8> {
        self.sent += 1;
        let (from, to, amount) = transfer(self.sent);
        let (less, more) = ((-amount).to_string(), amount.to_string());
        // Its length changes, so that blocks are replaced.
        let number = format!("{}.{}", self.sent, "x".repeat((self.sent * 37 % 700) as usize));
        let requests: [&[&str]; REQUESTS] = [
            &["MULTI"],
            &["INCRBY", &self.own(from), &less],
            &["INCRBY", &shared(from), &less],
            &["SET", &self.number_name(), &number],
            &["INCRBY", &shared(to), &more],
            &["INCRBY", &self.own(to), &more],
            &["EXEC"],
        ];
        requests.iter().flat_map(|request| encode(request)).collect()
    }

    fn transfer_until_the_end(&mut self, mut client: Client, total: &AtomicU64) {
        loop {
            let requests: Vec<u8> = (0..PIPELINE).flat_map(|_| self.request()).collect();
            if client.send_raw(&requests).is_err() {
                return;
            }
            for nth in 0..PIPELINE * REQUESTS {
                match client.receive() {
                    Ok(Value::Error(text)) => panic!("the server refused a transfer: {text}"),
                    Ok(Value::Array(replies)) => {
                        assert_eq!(replies.len(), REQUESTS - 2);
                        self.acknowledged += 1;
                        total.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(value) => assert!((nth + 1) % REQUESTS > 0, "EXEC answered {value:?}"),
                    Err(_) => return,
                }
            }
        }
    }

    /// Compares what the server has with the transfers, and goes on from there.
    fn check(&mut self, client: &mut Client) {
        let found = match client.call(&["GET", &self.number_name()]) {
            Value::Null => 0,
            value => value.text().split('.').next().and_then(|digits| digits.parse().ok()).expect("a number"),
        };
        assert!((self.acknowledged..=self.sent).contains(&found), "{found} of {}", self.acknowledged);
        let mut expected = [0; ACCOUNTS];
        for number in 1..=found {
            let (from, to, amount) = transfer(number);
            expected[from] -= amount;
            expected[to] += amount;
        }
        for (account, expected) in expected.into_iter().enumerate() {
            let balance = balance(client, &self.own(account));
            assert_eq!(balance, expected, "{} after {found} transfers", self.own(account));
        }
        (self.sent, self.acknowledged) = (found, found);
    }
}

fn balance(client: &mut Client, account: &str) -> i64 {
    match client.call(&["GET", account]) {
        Value::Null => 0,
        value => value.text().parse().expect("a number"),
    }
}

fn soak(threads: &str) {
    let mut server = TestServer::hearth(&["--threads", threads]);
    let new = |connection| Book { connection, sent: 0, acknowledged: 0 };
    let mut books: Vec<Book> = (0..CONNECTIONS).map(new).collect();
    for round in 0..rounds() {
        let total = AtomicU64::new(0);
        thread::scope(|scope| {
            for book in &mut books {
                let client = server.client();
                scope.spawn(|| book.transfer_until_the_end(client, &total));
            }
            let enough = 200 + (round as u64 * 911) % 1500;
            while total.load(Ordering::Relaxed) < enough {
                thread::yield_now();
            }
            server.kill();
        });
        verify_segments(&server);
        server.start();
        let mut client = server.client();
        books.iter_mut().for_each(|book| book.check(&mut client));
        let sum: i64 = (0..ACCOUNTS).map(|account| balance(&mut client, &shared(account))).sum();
        assert_eq!(sum, 0, "what one account lost another has got");
    }
}

#[test]
fn transfers_survive_kill_9_as_a_whole_on_one_thread() {
    soak("1");
}

#[test]
fn transfers_survive_kill_9_as_a_whole_on_several_threads() {
    soak("3");
}
