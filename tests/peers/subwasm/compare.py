#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds `cargo xtask diff --json` against what subwasm's library reads of the same two blobs.

    compare.py OLD NEW DIFF.json

Every pallet, call, event, error, storage item and constant of both is compared by name, index, arguments, hashers, modifier,
default and value, as subwasm compares them; each difference has to be in the document. Exit code 1: one is not. How long
subwasm takes to read both is told too: it does so before it compares anything.
"""

import collections
import json
import sys
import time

import subwasm

# What `diff` tells elsewhere: these are the fields of Core_version.
TOLD_ELSEWHERE = {("constant value", "System", "Version")}


def read(path):
    """The pallets by name, each with what is compared."""
    metadata = json.loads(subwasm.get_metadata(path))["V14"]
    types = {one["id"]: one["type"]["def"] for one in metadata["types"]["types"]}

    def variants(part):
        found = types[part["ty"]].get("variant", {}).get("variants", []) if part else []
        return {
            one["name"]: {
                "index": one["index"],
                "fields": [field.get("name") for field in one.get("fields", [])],
                "spelling": [field.get("typeName") for field in one.get("fields", [])],
            }
            for one in found
        }

    def item(entry):
        (shape, content), *_ = entry["ty"].items()
        hashers = content.get("hashers") if isinstance(content, dict) else None
        return {"shape": shape, "hashers": hashers, "modifier": entry["modifier"], "default": entry["default"]}

    return {
        pallet["name"]: {
            "index": pallet["index"],
            "call": variants(pallet.get("calls")),
            "event": variants(pallet.get("event")),
            "error": variants(pallet.get("error")),
            "storage": {entry["name"]: item(entry) for entry in (pallet.get("storage") or {}).get("entries", [])},
            "constant": {one["name"]: {"value": one["value"]} for one in pallet["constants"]},
        }
        for pallet in metadata["pallets"]
    }


def differences(old, new):
    """What differs, as (what, pallet, name)."""
    for pallet in sorted({*old, *new}):
        if pallet not in old or pallet not in new:
            yield "pallet", pallet, pallet
            continue
        was, now = old[pallet], new[pallet]
        if was["index"] != now["index"]:
            yield "pallet index", pallet, pallet
        for kind in ["call", "event", "error", "storage", "constant"]:
            for name in sorted({*was[kind], *now[kind]}):
                before, after = was[kind].get(name), now[kind].get(name)
                if before is None or after is None:
                    yield f"{kind} {'added' if before is None else 'removed'}", pallet, name
                    continue
                changed = [field for field in before if before[field] != after[field]]
                # How the source spells a type is no difference where nothing else is.
                for field in [one for one in changed if one != "spelling"] or changed:
                    yield f"{kind} {field}", pallet, name


def main():
    old_path, new_path, document = sys.argv[1:4]
    began = time.perf_counter()
    old, new = read(old_path), read(new_path)
    took = time.perf_counter() - began
    with open(document, encoding="utf-8") as file:
        changes = json.load(file)["changes"]
    told = {(change.get("pallet"), name) for change in changes for name in [change["name"], change.get("old"), change.get("new")]}
    renamed = {change["old"]: change["new"] for change in changes if change["kind"] == "pallet-renamed"}
    counts, missing = collections.Counter(), []
    for what, pallet, name in differences(old, new):
        spelled = what.endswith("spelling")
        is_told = (renamed.get(pallet, pallet), name) in told or (what, pallet, name) in TOLD_ELSEWHERE
        counts["spelling" if spelled and not is_told else "told" if is_told else "missing"] += 1
        if not is_told and not spelled:
            missing.append(f"{what}: {pallet}.{name}")
    print(f"{sum(counts.values())} differences as subwasm reads them; {counts['told']} are in the document, which has {len(changes)}")
    print(f"{counts['spelling']} are nothing but another spelling of a type in the source")
    print(f"{len(missing)} are missing", *missing, sep="\n  ")
    print(f"subwasm read both runtimes in {took:.3f} s")
    sys.exit(1 if missing else 0)


main()
