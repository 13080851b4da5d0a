//! The rings and the sleep handshake under loom, which tries every interleaving and every value a load may
//! see. `RUSTFLAGS="--cfg loom" cargo test -p hearth-net --release --test loom`
#![cfg(loom)]

use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;
use loom::sync::{Arc, Notify};
use loom::thread;
use net::reactor::{Doze, Wake};
use net::ring::{Consumer, Producer, ring};

/// A worker that can sleep. Loom reports a deadlock if it is not woken.
#[derive(Default)]
struct Worker {
    doze: Doze,
    bell: Notify,
}

#[derive(Clone)]
struct Handle(Arc<Worker>);

impl Wake for Handle {
    fn wake_if_asleep(&self) {
        if self.0.doze.claim() {
            self.0.bell.notify();
        }
    }
}

impl Handle {
    fn new() -> Self {
        Handle(Arc::new(Worker { doze: Doze::default(), bell: Notify::new() }))
    }

    /// As `Reactor::wait` without a timeout.
    fn wait(&self, idle: impl FnOnce() -> bool) {
        self.0.doze.announce();
        if idle() {
            self.0.bell.wait();
        }
        self.0.doze.retract();
    }
}

/// Sends `0..count`, sleeping while the ring is full. Messages are boxed, as in life: loom sees their memory
/// being handed over.
fn send(mut producer: Producer<Box<u32>, Handle>, worker: &Handle, count: u32) {
    for number in 0..count {
        let mut message = Box::new(number);
        while let Err(returned) = producer.push(message) {
            message = returned;
            producer.notify();
            worker.wait(|| !producer.has_room());
        }
    }
    producer.notify();
}

/// Takes `0..count` in order, sleeping while the ring is empty.
fn receive(consumer: &mut Consumer<Box<u32>, Handle>, worker: &Handle, count: u32) {
    for number in 0..count {
        loop {
            if let Some(message) = consumer.pop() {
                assert_eq!(*message, number);
                break;
            }
            worker.wait(|| consumer.is_empty());
        }
    }
}

fn exchange(capacity: usize, count: u32, preemptions: Option<usize>) {
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        let (producing, consuming) = (Handle::new(), Handle::new());
        let (producer, mut consumer) = ring(capacity, producing.clone(), consuming.clone());
        let sender = thread::spawn(move || send(producer, &producing, count));
        receive(&mut consumer, &consuming, count);
        assert!(consumer.pop().is_none());
        sender.join().unwrap();
    });
}

/// The consumer may go to sleep at any moment around the push.
#[test]
fn a_sleeping_consumer_is_woken() {
    exchange(2, 1, None);
}

/// The ring is full after each message: both sides sleep and wake each other.
#[test]
fn a_starved_producer_is_woken() {
    exchange(1, 2, Some(3));
    exchange(1, 3, Some(2));
}

#[test]
fn messages_pass_in_order_around_the_ring() {
    exchange(2, 4, Some(2));
}

/// Of two that leave work for one sleeper, one wakes it, and it finds both.
#[test]
fn two_producers_wake_one_consumer() {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let consuming = Handle::new();
        let mut consumers = Vec::new();
        let mut senders = Vec::new();
        for number in 0..2u32 {
            let (mut producer, consumer) = ring(1, Handle::new(), consuming.clone());
            consumers.push(consumer);
            senders.push(thread::spawn(move || {
                producer.push(number).unwrap();
                producer.notify();
            }));
        }
        let mut seen = Vec::new();
        while seen.len() < 2 {
            seen.extend(consumers.iter_mut().filter_map(|consumer| consumer.pop()));
            if seen.len() < 2 {
                consuming.wait(|| consumers.iter_mut().all(|consumer| consumer.is_empty()));
            }
        }
        seen.sort();
        assert_eq!(seen, [0, 1]);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}

/// Whatever is still inside is dropped once, with whichever end goes last.
#[test]
fn nothing_is_lost_or_dropped_twice() {
    struct Counted<'a>(&'a AtomicUsize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    loom::model(|| {
        static DROPPED: AtomicUsize = AtomicUsize::new(0);
        DROPPED.store(0, Ordering::Relaxed);
        let (mut producer, mut consumer) = ring(2, Handle::new(), Handle::new());
        let sender = thread::spawn(move || {
            for _ in 0..3 {
                drop(producer.push(Counted(&DROPPED)));
            }
        });
        drop(consumer.pop());
        drop(consumer);
        sender.join().unwrap();
        assert_eq!(DROPPED.load(Ordering::Relaxed), 3);
    });
}
