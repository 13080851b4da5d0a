//! Workers at work, without threads: every interleaving of their turns can be played.

mod ahead;
mod atomic;
mod limits;
mod order;
mod rig;
mod transactions;
mod waiting;

use rig::Peer;

/// Replies that have come completely, taken off the front: each is the words of one reply.
fn replies(peer: &mut Peer) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let text = peer.text();
        let mut lines = text.split_inclusive("\r\n");
        let mut words = Vec::new();
        let mut len = 0;
        let mut left = 1;
        while left > 0 {
            let Some(line) = lines.next().filter(|line| line.ends_with("\r\n")) else { return found };
            len += line.len();
            left -= 1;
            match line.as_bytes()[0] {
                b'*' => left += line[1..].trim().parse::<usize>().expect("a count"),
                b'$' if line != "$-1\r\n" => {
                    let Some(word) = lines.next().filter(|line| line.ends_with("\r\n")) else { return found };
                    len += word.len();
                    words.push(word.trim().to_owned());
                }
                _ => words.push(line.trim().to_owned()),
            }
        }
        peer.received.drain(..len);
        found.push(words.join(" "));
    }
}
