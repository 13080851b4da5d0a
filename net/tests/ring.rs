//! The rings at length: a seeded run between two threads that really sleep, and the edges on one. Also under Miri:
//! `cargo +nightly miri test -p hearth-net --test ring`
#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};

use net::reactor::{Doze, Wake};
use net::ring::{Consumer, Producer, ring};

/// Nobody sleeps, so nobody need be woken; counts how often it is tried.
#[derive(Clone, Default)]
struct Awake(Arc<AtomicUsize>);

impl Wake for Awake {
    fn wake_if_asleep(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_full_ring_hands_the_message_back() {
    let (producer_wakes, consumer_wakes) = (Awake::default(), Awake::default());
    let (mut producer, mut consumer): (Producer<_, _>, Consumer<_, _>) =
        ring(3, producer_wakes.clone(), consumer_wakes.clone());
    assert!(consumer.is_empty());
    for round in 0..10 {
        for number in 0..4 {
            assert!(producer.has_room());
            assert_eq!(producer.push(round * 4 + number), Ok(()), "3 is rounded up to 4");
        }
        assert!(!producer.has_room());
        assert_eq!(producer.push(-1), Err(-1));
        for number in 0..4 {
            assert!(!consumer.is_empty());
            assert_eq!(consumer.pop(), Some(round * 4 + number));
        }
        assert_eq!(producer_wakes.0.load(Ordering::Relaxed), round as usize, "not before it is empty");
        assert_eq!(consumer.pop(), None);
        assert_eq!(consumer.pop(), None);
        assert_eq!(producer_wakes.0.load(Ordering::Relaxed), round as usize + 1, "and once");
    }
    assert_eq!(consumer_wakes.0.load(Ordering::Relaxed), 0);
    producer.notify();
    assert_eq!(consumer_wakes.0.load(Ordering::Relaxed), 1);
}

#[test]
fn a_producer_that_never_starved_is_left_alone() {
    let wakes = Awake::default();
    let (mut producer, mut consumer) = ring(2, wakes.clone(), Awake::default());
    for number in 0..9 {
        producer.push(number).unwrap();
        assert_eq!(consumer.pop(), Some(number));
        assert_eq!(consumer.pop(), None);
    }
    assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
}

#[test]
fn messages_left_inside_are_dropped_once() {
    let counted = Arc::new(());
    let (mut producer, mut consumer) = ring(4, Awake::default(), Awake::default());
    for _ in 0..3 {
        producer.push(counted.clone()).unwrap();
    }
    assert!(consumer.pop().is_some());
    producer.push(counted.clone()).unwrap();
    drop(consumer);
    assert_eq!(Arc::strong_count(&counted), 4);
    producer.push(counted.clone()).unwrap();
    drop(producer);
    assert_eq!(Arc::strong_count(&counted), 1);
}

/// A thread that parks.
#[derive(Clone)]
struct Sleeper(Arc<(Doze, Thread)>);

impl Sleeper {
    /// For the calling thread.
    fn new() -> Self {
        Sleeper(Arc::new((Doze::default(), thread::current())))
    }

    fn wait(&self, idle: impl FnOnce() -> bool) {
        self.0.0.announce();
        if idle() {
            thread::park();
        }
        self.0.0.retract();
    }
}

impl Wake for Sleeper {
    fn wake_if_asleep(&self) {
        if self.0.0.claim() {
            self.0.1.unpark();
        }
    }
}

/// A small deterministic generator (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Batches of random size go back and forth between two workers that sleep whenever there is nothing to do. A
/// lost message hangs the test, a repeated or torn one fails it.
#[test]
fn two_workers_exchange_everything_in_order() {
    const MESSAGES: u64 = if cfg!(miri) { 200 } else { 40_000 };
    for (seed, capacity) in [(1, 1), (2, 2), (3, 8), (4, 64)] {
        let main = Sleeper::new();
        let (to_main, main_ready) = std::sync::mpsc::channel();
        let worker = {
            let main = main.clone();
            thread::spawn(move || {
                let worker = Sleeper::new();
                let (echo_out, echo_in) = ring::<Box<u64>, _, _>(capacity, worker.clone(), main.clone());
                let (out, inbox) = ring::<Box<u64>, _, _>(capacity, main, worker.clone());
                to_main.send((out, echo_in)).unwrap();
                echo(inbox, echo_out, &worker, MESSAGES);
            })
        };
        let (mut out, mut echo_in) = main_ready.recv().unwrap();
        let mut random = Seeded(seed);
        let (mut sent, mut received) = (0, 0);
        while received < MESSAGES {
            let batch = random.below(2 * capacity as u64 + 1);
            for _ in 0..batch.min(MESSAGES - sent) {
                if out.push(Box::new(sent)).is_err() {
                    break;
                }
                sent += 1;
            }
            out.notify();
            let batch = random.below(2 * capacity as u64 + 1);
            for message in std::iter::from_fn(|| echo_in.pop()).take(batch as usize) {
                assert_eq!(*message, received, "seed {seed}");
                received += 1;
            }
            let all_sent = sent == MESSAGES;
            if received < MESSAGES {
                main.wait(|| echo_in.is_empty() && (all_sent || !out.has_room()));
            }
        }
        worker.join().unwrap();
    }
}

/// Sends back what comes, keeping what does not fit.
fn echo(
    mut inbox: Consumer<Box<u64>, Sleeper>,
    mut out: Producer<Box<u64>, Sleeper>,
    worker: &Sleeper,
    count: u64,
) {
    let mut kept = None;
    let mut echoed = 0;
    while echoed < count {
        while let Some(message) = kept.take().or_else(|| inbox.pop()) {
            match out.push(message) {
                Ok(()) => echoed += 1,
                Err(message) => {
                    kept = Some(message);
                    break;
                }
            }
        }
        out.notify();
        if echoed < count {
            worker.wait(|| if kept.is_some() { !out.has_room() } else { inbox.is_empty() });
        }
    }
}
