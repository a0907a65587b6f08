"""Writes River's Phishing websites with every label turned round, as turned.csv."""

from __future__ import annotations

import csv
from pathlib import Path

from river import datasets

TURNED = Path("turned.csv")


def main() -> None:
    rows = [{**row, "is_phishing": int(not label)} for row, label in datasets.Phishing()]
    with TURNED.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"written: {TURNED}, {len(rows)} rows")


if __name__ == "__main__":
    main()
