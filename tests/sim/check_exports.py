#!/usr/bin/env python3
"""usage: check_exports.py TRACE.json LOG: readers of their own for what `cupola sim run --perfetto --shiviz` writes.

The trace event format: every event has what its phase needs, slices of a track nest, every flow has one beginning, one
end not before it, and a slice around each. ShiViz: the first line is the expression that reads the rest whole; each
host counts its own events by one; nobody knows more of another than has happened there by then; what is received
was sent before, and the receiver knows all that the sender knew.
"""
import json
import re
import sys
from collections import defaultdict
from decimal import Decimal


def check_trace(path):
    trace = json.load(open(path), parse_float=Decimal)
    needs = {"M": ["args"], "X": ["dur"], "i": ["s"], "C": ["args"], "b": ["id", "cat"], "e": ["id", "cat"],
             "s": ["id", "cat"], "f": ["id", "cat", "bp"]}
    slices, begins, ends, spans, named = defaultdict(list), {}, {}, defaultdict(list), set()
    for event in trace["traceEvents"]:
        for key in ["name", "ts", "pid", "tid"] + needs[event["ph"]]:
            assert key in event, (key, event)
        track = (event["pid"], event["tid"])
        if event["ph"] == "X":
            slices[track].append((event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] == "s":
            assert event["id"] not in begins, event
            begins[event["id"]] = (event["ts"], track)
        elif event["ph"] == "f":
            assert event["id"] not in ends, event
            ends[event["id"]] = (event["ts"], track)
        elif event["ph"] in "be":
            spans[(event["cat"], event["id"])].append((event["ph"], event["ts"]))
        elif event["ph"] == "M" and event["name"] == "process_name":
            named.add(event["pid"])
    assert len(begins) > 20 and begins.keys() == ends.keys()
    assert all(begins[i][0] <= ends[i][0] for i in begins)
    around = {track: {start for start, _ in all_of} for track, all_of in slices.items()}
    assert all(at in around[track] for at, track in list(begins.values()) + list(ends.values()))
    for (kind, start), (_, end) in ((s[0], s[1]) for s in spans.values()):
        assert kind == "b" and start <= end
    for track, all_of in slices.items():
        assert track[0] in named, track
        open_until = []
        for start, end in sorted(all_of, key=lambda s: (s[0], -s[1])):
            while open_until and open_until[-1] <= start:
                open_until.pop()
            assert not open_until or end <= open_until[-1], (track, start, end)
            open_until.append(end)
    return len(trace["traceEvents"]), len(begins)


def check_log(path):
    expression, delimiter, log = open(path).read().split("\n", 2)
    assert delimiter == ""
    reader = re.compile(expression.replace("(?<", "(?P<"), re.MULTILINE)
    seen, clocks, sent, count, at = defaultdict(dict), defaultdict(dict), defaultdict(list), 0, 0
    last_time = 0.0
    for match in reader.finditer(log):
        assert log[at:match.start()].strip() == "", log[at:match.start()]
        at = match.end()
        host, clock, event = match["host"], json.loads(match["clock"]), match["event"]
        before = clocks[host]
        assert clock[host] == before.get(host, 0) + 1, (host, clock)
        assert all(clock.get(other, 0) >= value for other, value in before.items()), (host, clock)
        for other, value in clock.items():
            assert other == host or value <= clocks[other].get(other, 0), (host, other, clock)
        time = float(event.split(" ")[0])
        assert time >= last_time - 0.000001
        last_time = time
        words = re.match(r"\S+ s (to|from) (\S+(?: \S+)*?): (.*)", event)
        if words and words[1] == "to":
            sent[(host, words[2].replace(" ", "_"), words[3])].append(clock)
        elif words:
            waiting = sent[(words[2].replace(" ", "_"), host, words[3])]
            known = [c for c in waiting if all(clock.get(h, 0) >= v for h, v in c.items())]
            assert known, ("received and never sent", event)
            waiting.remove(known[0])
        elif before:
            gained = {o for o, v in clock.items() if o != host and v > before.get(o, 0)}
            assert not gained, ("knows what nobody told it", event, gained)
        clocks[host] = clock
        count += 1
    assert log[at:].strip() == ""
    assert count > 40 and len(clocks) > 3
    assert not any(sent.values()), "sent and never received"
    return count, len(clocks)


print("trace: %d events, %d flows" % check_trace(sys.argv[1]))
print("log: %d events of %d hosts" % check_log(sys.argv[2]))
