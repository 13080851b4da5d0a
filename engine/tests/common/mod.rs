//! What the tests of random commands and of crashes share: a plain model of a server, and values of all
//! sizes.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

mod bits;
mod model;
mod words;

use engine::testing::Session;

pub use self::model::{Data, Model};
pub use self::words::{line, of_len, word, words};

/// How many databases tests look at.
pub const DATABASES: u32 = 4;

pub type Bytes = Vec<u8>;

/// Makes a request; one of the words `MULTI`, requests with `;` between them, and `EXEC` makes several. Returns the last
/// reply.
pub fn ask(session: &mut Session, request: &[Bytes]) -> String {
    let mut reply = String::new();
    for request in requests_in(request) {
        reply = session.call(&words(request));
    }
    reply
}

/// What [`ask`] makes of a request.
pub fn requests_in(request: &[Bytes]) -> impl Iterator<Item = &[Bytes]> {
    let is_many = request.first().is_some_and(|word| word == b"MULTI");
    request.split(move |word| is_many && word == b";")
}

/// What lives in a session's shards, read past the commands.
pub fn data_of(session: &mut Session) -> Data {
    let now_ms = session.now_ms();
    let mut data = Data::new();
    for keyspace in session.shards() {
        for db in 0..DATABASES {
            let mut cursor = 0;
            loop {
                cursor = keyspace
                    .scan(db, cursor, 100, now_ms, |entry| {
                        let value = (entry.string().contiguous().into_owned(), entry.deadline_ms());
                        let twin = data.insert((db, entry.key().into_owned()), value);
                        assert!(twin.is_none(), "a key is met once");
                    })
                    .0;
                if cursor == 0 {
                    break;
                }
            }
        }
    }
    data
}
