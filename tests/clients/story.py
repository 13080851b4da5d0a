#!/usr/bin/env python3
"""A leaderboard, a queue, a stream and a bank, at work on one server that is killed in the middle of it.

    story.py PROGRAM [ROUNDS]

PROGRAM is the server, e.g. target/release/hearth. It is started on a free port with directories of its own, which are
removed at the end. Needs redis-py (pip install redis). Exits with 0 if everything that was acknowledged is there, no
job was lost or done twice, and no money was made or lost.
"""
import random
import sys
import threading

import redis

from support.server import Server

PLAYERS, PRODUCERS, CONSUMERS, READERS, CLERKS = 3, 2, 3, 2, 3
ACCOUNTS, MONEY = 10, 1000
STEPS_PER_ROUND = 4000
GONE = (redis.ConnectionError, redis.TimeoutError)


class Actor(threading.Thread):
    """Does its step again and again until the server is gone."""

    def __init__(self, port, counter):
        super().__init__(daemon=True)
        self.client = redis.Redis(port=port, retry=None, decode_responses=True)
        self.counter = counter
        self.failure = None

    def run(self):
        try:
            while True:
                self.step()
                self.counter.add()
        except GONE:
            pass
        except Exception as failure:  # shown by the main thread
            self.failure = failure
            self.counter.fail()


class Counter:
    def __init__(self):
        self.condition, self.count, self.failed = threading.Condition(), 0, False

    def add(self):
        with self.condition:
            self.count += 1
            self.condition.notify()

    def fail(self):
        with self.condition:
            self.failed = True
            self.condition.notify()

    def wait_for(self, count):
        with self.condition:
            self.condition.wait_for(lambda: self.failed or self.count >= count, 120)


def must(holds, what):
    if not holds:
        sys.exit(f"broken: {what}")


# ---- the leaderboard: ZINCRBY, ZREVRANGE ---------------------------------------------------------


class Board:
    """What each player has been told to have."""

    def __init__(self):
        self.told = {f"player:{number}": 0 for number in range(PLAYERS)}

    def actors(self, port, counter):
        return [Player(port, counter, self, name) for name in self.told]

    def check(self, client):
        # What was on its way when the server died may count or not.
        for name, told in self.told.items():
            score = client.zscore("board", name) or 0
            must(score in (told, told + 1), f"{name} was told {told} and has {score}")
            self.told[name] = score
        top = client.zrevrange("board", 0, -1, withscores=True)
        must(top == sorted(top, key=lambda entry: entry[::-1], reverse=True), f"in order of score, then name: {top}")
        must(all(client.zrevrank("board", name) == place for place, (name, _) in enumerate(top)), "ranks are places")


class Player(Actor):
    def __init__(self, port, counter, board, name):
        super().__init__(port, counter)
        self.board, self.name_on_board = board, name

    def step(self):
        score = self.client.zincrby("board", 1, self.name_on_board)
        must(score == self.board.told[self.name_on_board] + 1, "each point counts once")
        self.board.told[self.name_on_board] = score


# ---- the queue: LPUSH, BLMOVE, LREM --------------------------------------------------------------


class Queue:
    def __init__(self):
        self.lock, self.made, self.done, self.next = threading.Lock(), set(), set(), 0

    def actors(self, port, counter):
        producers = [Producer(port, counter, self) for _ in range(PRODUCERS)]
        return producers + [Consumer(port, counter, self, number) for number in range(CONSUMERS)]

    def check(self, client):
        waiting = client.lrange("jobs", 0, -1)
        at_work = [job for number in range(CONSUMERS) for job in client.lrange(f"at-work:{number}", 0, -1)]
        there = waiting + at_work
        must(len(there) == len(set(there)), "a job is in one place")
        missing = self.made - set(there) - self.done
        must(not missing, f"acknowledged jobs are missing: {sorted(missing)[:5]}")
        # A job that was done, but whose removal was not acknowledged, may still be at work; nothing else is.
        must(not set(waiting) & self.done, "what is done does not wait")


class Producer(Actor):
    def __init__(self, port, counter, queue):
        super().__init__(port, counter)
        self.queue = queue

    def step(self):
        with self.queue.lock:
            job = f"job:{self.queue.next}"
            self.queue.next += 1
        self.client.lpush("jobs", job)
        with self.queue.lock:
            self.queue.made.add(job)


class Consumer(Actor):
    def __init__(self, port, counter, queue, number):
        super().__init__(port, counter)
        self.queue, self.desk = queue, f"at-work:{number}"

    def step(self):
        # What was left on the desk when the server died comes first.
        job = self.client.lindex(self.desk, -1)
        if job is None:
            job = self.client.blmove("jobs", self.desk, 0, "RIGHT", "LEFT")
        with self.queue.lock:
            self.queue.done.add(job)
        self.client.lrem(self.desk, 1, job)


# ---- the stream: XADD, XREADGROUP, XACK ----------------------------------------------------------


class Events:
    def __init__(self):
        self.lock, self.made, self.seen = threading.Lock(), set(), set()

    def actors(self, port, counter):
        client = redis.Redis(port=port, retry=None)
        try:
            client.xgroup_create("events", "readers", id="0", mkstream=True)
        except redis.ResponseError as error:
            must("BUSYGROUP" in str(error), str(error))
        return [Writer(port, counter, self)] + [Reader(port, counter, self, number) for number in range(READERS)]

    def check(self, client):
        there = {entry for entry, _ in client.xrange("events")}
        must(self.made <= there, "acknowledged events are there")
        pending = client.xpending("events", "readers")["pending"]
        read = client.xinfo_groups("events")[0]["last-delivered-id"]
        unread = {entry for entry, _ in client.xrange("events", min=f"({read}")}
        unseen = there - self.seen - unread
        must(len(unseen) <= pending, "what was delivered and not seen is pending")


class Writer(Actor):
    def __init__(self, port, counter, events):
        super().__init__(port, counter)
        self.events = events

    def step(self):
        entry = self.client.xadd("events", {"kind": "tick", "value": random.randrange(1000)})
        with self.events.lock:
            self.events.made.add(entry)


class Reader(Actor):
    def __init__(self, port, counter, events, number):
        super().__init__(port, counter)
        self.events, self.reader, self.from_id = events, f"reader:{number}", "0"

    def step(self):
        # First what was delivered to it before the server died, then what is new.
        reply = self.client.xreadgroup("readers", self.reader, {"events": self.from_id}, count=20, block=0)
        entries = reply[0][1] if reply else []
        if not entries:
            self.from_id = ">"
            return
        with self.events.lock:
            self.events.seen.update(entry for entry, _ in entries)
        self.client.xack("events", "readers", *(entry for entry, _ in entries))


# ---- the bank: WATCH, MULTI, EXEC ----------------------------------------------------------------


class Bank:
    def actors(self, port, counter):
        client = redis.Redis(port=port, retry=None)
        for number in range(ACCOUNTS):
            client.set(f"account:{number}", MONEY, nx=True)
        return [Clerk(port, counter) for _ in range(CLERKS)] + [Auditor(port, counter)]

    def check(self, client):
        Auditor.audit(client)


class Clerk(Actor):
    def step(self):
        giver, taker = (f"account:{number}" for number in random.sample(range(ACCOUNTS), 2))
        amount = random.randrange(1, 50)
        with self.client.pipeline() as pipe:
            try:
                pipe.watch(giver)
                if int(pipe.get(giver)) < amount:
                    return
                pipe.multi()
                pipe.decrby(giver, amount)
                pipe.incrby(taker, amount)
                pipe.execute()
            except redis.WatchError:
                pass


class Auditor(Actor):
    def step(self):
        self.audit(self.client)

    @staticmethod
    def audit(client):
        with client.pipeline() as pipe:
            for number in range(ACCOUNTS):
                pipe.get(f"account:{number}")
            accounts = [int(value) for value in pipe.execute()]
        must(sum(accounts) == ACCOUNTS * MONEY, f"no money is made or lost: {accounts}")
        must(min(accounts) >= 0, f"nobody gives what he has not: {accounts}")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    shops = [Board(), Queue(), Events(), Bank()]
    with Server(program) as server:
        for number in range(1, rounds + 1):
            counter = Counter()
            actors = [actor for shop in shops for actor in shop.actors(server.port, counter)]
            for actor in actors:
                actor.start()
            counter.wait_for(STEPS_PER_ROUND)
            server.kill()
            for actor in actors:
                actor.join(60)
                must(not actor.is_alive(), "every client learns that the server is gone")
                if actor.failure:
                    raise actor.failure
            must(counter.count >= STEPS_PER_ROUND, "the shops were open")
            seconds = server.start()
            client = redis.Redis(port=server.port, decode_responses=True)
            for shop in shops:
                shop.check(client)
            print(f"round {number}: killed after {counter.count} steps, serving again after {seconds * 1000:.0f} ms, "
                  "everything in order")
    return 0


if __name__ == "__main__":
    sys.exit(main())
