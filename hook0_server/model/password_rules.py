"""Which passwords are refused: short or long ones, ones like the person, and ones that everybody tries first.

Common passwords are not listed but recognized: what a guesser does to a word (capitals, digits for letters, a year, a few
digits or signs at its end, two words in a row) is undone, and what is left must be long enough.

    own("P@ssw0rd2024!")     = "!"       one character of one's own
    own("bakery-tuesday-14") = all of it
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

LONGEST = 100
_OWN = 4  # characters that are left, at least
_DIFFERENT = 5
_SHORTEST_NUMBER = 16  # of digits alone
_SHORTEST_WORD = 3  # of a name or address that is looked for

Problem = Literal["too_short", "too_long", "not_diverse", "similar_to_email", "similar_to_name", "too_common"]

# Read as letters where they stand for some, p4$$w0rd; what follows the last letter stays what it is.
_LETTERS = (str.maketrans("013457@$!|", "oieastasii"), str.maketrans("013457@$!|", "oleastasll"))
_UP_TO_LAST_LETTER = re.compile(r".*[^\W\d_]", re.DOTALL)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "yxcvbnm", "1234567890", "01234567890")
_COLUMNS = ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "qazwsxedcrfvtgbyhnujm", "1q2w3e4r5t6y7u8i9o0p")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_PATHS = tuple(path for way in (*_ROWS, *_COLUMNS, _ALPHABET) for path in (way, way[::-1]))
_SHORTEST_PATH = 3
_BEGINNINGS = {path[at : at + _SHORTEST_PATH] for path in _PATHS for at in range(len(path) - _SHORTEST_PATH + 1)}
_RESTS: dict[str, list[str]] = {
    beginning: [path[path.index(beginning) :] for path in _PATHS if beginning in path] for beginning in _BEGINNINGS
}
_YEAR = re.compile(r"(?:19|20)\d\d")
_WORDS = frozenset(
    """
    password passwort passwd passcode pass pwd kennwort wachtwoord motdepasse contrasena senha parola haslo
    admin administrator root toor user username guest test testing tester demo sample example default changeme change
    login letmein let welcome willkommen bienvenue hello hallo bonjour secret secure security private access open opensesame
    please trustno trust nobody someone whatever nothing something anything enter entry temp temporary
    iloveyou ilove iloveu loveyou lovely love lover liebe amour you your mylove baby honey angel princess prince queen king
    master mistress monkey dragon tiger lion eagle shadow phoenix unicorn wolf bear shark panther cobra falcon buster
    football baseball basketball hockey soccer tennis golf fussball futbol superman batman spiderman ironman hulk joker
    pokemon naruto minecraft fortnite starwars matrix computer internet server system network windows linux apple google
    facebook samsung android database postgres oracle webhook hook
    sunshine summer winter spring autumn fall sommer herbst rainbow flower butterfly star stars moon sun sky
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday today tomorrow
    chocolate cheese coffee cookie banana orange cherry pepper ginger purple silver golden black white blue green yellow red
    charlie michael jordan jessica ashley daniel jennifer thomas andrew robert george william michelle nicole hunter
    freedom forever family friend friends lucky happy money cash rich hacker killer ninja pirate soldier ranger
    mustang ferrari porsche mercedes corvette harley yamaha london paris berlin america england france germany
    asdf qwer zxcv qwerty qwertz azerty wasd abc xyz aaa
    company office work home house the and its this that
    """.split()  # noqa: SIM905 - a line of quotes for each would hide the words
)
_LONGEST_FIRST = sorted(_WORDS, key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a password must not be like."""

    email: str
    names: Sequence[str]


def normalized(password: str) -> str:
    """One text for what is typed the same on different keyboards."""
    return unicodedata.normalize("NFKC", password)


def problem(password: str, person: Person, *, shortest: int) -> Problem | None:
    """What is wrong with a normalized password; None: nothing."""
    if len(password) < shortest:
        return "too_short"
    if len(password) > LONGEST:
        return "too_long"
    folded = password.casefold()
    is_short_number = folded.isdecimal() and len(folded) < _SHORTEST_NUMBER
    if is_short_number or len(set(folded)) < min(_DIFFERENT, shortest) or _is_repeated(folded):
        return "not_diverse"
    if _own(folded, _LONGEST_FIRST) < _OWN:
        return "too_common"
    of_address, of_names = _parts([person.email]), _parts(person.names)
    if _own(folded, of_address) < _OWN:
        return "similar_to_email"
    if _own(folded, of_names) < _OWN:
        return "similar_to_name"
    return (
        "too_common" if _own(folded, sorted([*of_address, *of_names, *_LONGEST_FIRST], key=len, reverse=True)) < _OWN else None
    )


def _parts(texts: Iterable[str]) -> list[str]:
    """The words of addresses and names, whole and in pieces, each also backwards; the longest first."""
    words = {word for text in texts for word in (text.casefold(), *re.split(r"[\W_]+", text.casefold()))}
    found = {way for word in words if len(word) >= _SHORTEST_WORD for way in (word, word[::-1])}
    return sorted(found, key=len, reverse=True)


def _own(folded: str, words: Iterable[str]) -> int:
    """How many characters are left without these words, paths on the keyboard, years and repetitions; the fewest there are."""
    listed, [upper, lower] = list(words), _LETTERS
    head = matched[0] if (matched := _UP_TO_LAST_LETTER.match(folded)) else ""
    readings = {head, head.translate(upper), head.translate(lower)}
    return min(_left(reading + folded[len(head) :], listed) for reading in readings)


def _left(text: str, words: Iterable[str]) -> int:
    for word in words:  # the longest first
        text = text.replace(word, "\0")
    text = _without_paths(_YEAR.sub("\0", text)).replace("\0", "")
    return len(re.sub(r"(.)\1+", r"\1", text))


def _without_paths(text: str) -> str:
    """Without runs of three and more neighbours: 1234, qwer, cba."""
    kept, at = "", 0
    while at < len(text):
        rests = _RESTS.get(text[at : at + _SHORTEST_PATH], ())
        run = max((_shared(rest, text[at:]) for rest in rests), default=0)
        if not run:
            kept, run = kept + text[at], 1
        at += run
    return kept


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other)))


def _is_repeated(text: str) -> bool:
    """A few characters again and again: abcabcabc."""
    return any(text[:unit] * (len(text) // unit + 1) == text + text[: unit - len(text) % unit] for unit in range(1, 5))
