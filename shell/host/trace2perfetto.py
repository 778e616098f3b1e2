#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""From the JSON of `trace dump -j` to the trace event format that ui.perfetto.dev opens.

    hvsh.py -j serial.sock trace dump 4000 | trace2perfetto.py >trace.json

Each machine is a process, each virtual CPU a thread in it: slices named by exit reason for the
hypervisor's time, "guest" for the guest's. Other events are marks, on their virtual CPU if they
name one, else on the physical CPU that recorded them.
"""

import json
import sys

HOST = 1000  # process id of the physical CPUs' tracks


def track(record):
    """Process and thread id of a record. The recorder packs machine and vCPU into one number."""
    if "vcpu" in record:
        return record["vcpu"] >> 8, record["vcpu"] & 0xff
    return HOST, record["cpu"]


def slice_event(name, at, start, end, args):
    """A complete event; times in nanoseconds."""
    return {"name": name, "ph": "X", "pid": at[0], "tid": at[1], "ts": start / 1000,
            "dur": (end - start) / 1000, "args": args}


def name_tracks(tracks):
    """Metadata events that give the tracks names people understand."""
    for pid, tid in sorted(tracks):
        process, thread = (("CPUs", f"CPU {tid}") if pid == HOST
                           else (f"machine {pid}", f"vCPU {tid}"))
        for kind, name in (("process_name", process), ("thread_name", thread)):
            yield {"name": kind, "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}


def convert(records):
    """Trace events for the records, which are in the order of time."""
    events, tracks, last = [], set(), {}
    for r in records:
        if "event" not in r:
            continue
        at = track(r)
        tracks.add(at)
        args = {k: v for k, v in r.items() if k not in ("ns", "event")}
        before = last.get(at)
        if r["event"] == "exit":
            if before and before["event"] == "enter":
                events.append(slice_event("guest", at, before["ns"], r["ns"], {}))
            last[at] = r
        elif r["event"] == "enter":
            if before and before["event"] == "exit":
                events.append(slice_event(before["reason"], at, before["ns"], r["ns"],
                                          {"rip": before["rip"], "cpu": before["cpu"]}))
            last[at] = r
        else:
            events.append({"name": r["event"], "ph": "i", "s": "t", "pid": at[0], "tid": at[1],
                           "ts": r["ns"] / 1000, "args": args})
    return list(name_tracks(tracks)) + events


def main():
    """Read JSON lines from a file or standard input, write the trace to standard output."""
    with open(sys.argv[1], encoding="utf-8") if len(sys.argv) > 1 else sys.stdin as f:
        records = [json.loads(line) for line in f if line.startswith("{")]
    json.dump({"traceEvents": convert(records), "displayTimeUnit": "ns"}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
