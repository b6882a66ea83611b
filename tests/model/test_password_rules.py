import pytest

from hook0_server.model import password_rules

PERSON = password_rules.Person("dock.owner@example.com", ("Olive", "Winner"))


def judged(password: str, shortest: int = 10) -> str | None:
    return password_rules.problem(password_rules.normalized(password), PERSON, shortest=shortest)


@pytest.mark.parametrize(
    "password",
    [
        "bakery-tuesday-14",
        "correct horse battery",
        "x9#Kq2!vLp",
        "Tr0ub4dor&3",
        "ölpreis-Müll-77",
        "83019472651940372",
        "パンと海と山の夜に",
    ],
)
def test_a_password_of_ones_own_is_taken(password: str) -> None:
    assert judged(password, shortest=9) is None


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("x9#Kq2!vL", "too_short"),
        ("x9#Kq2!vLp" * 10 + "!", "too_long"),
        ("aaaaaaaaaaaa", "not_diverse"),
        ("abcdabcdabcd", "not_diverse"),
        ("8301947265", "not_diverse"),
        ("password1234", "too_common"),
        ("P@ssw0rd2024!", "too_common"),
        ("Welcome2025!!", "too_common"),
        ("adm1n1str4t0r", "too_common"),
        ("qwertyuiop12", "too_common"),
        ("poiuytrewq", "too_common"),
        ("1q2w3e4r5t6y", "too_common"),
        ("trustno1trustno1", "too_common"),
        ("SummerMonkey99", "too_common"),
        ("Dock-Owner-1987", "similar_to_email"),
        ("dock.owner@example.com", "similar_to_email"),
        ("renwo-elpmaxe-1", "similar_to_email"),
        ("OliveWinner99!", "similar_to_name"),
        ("0l1veW1nner!", "similar_to_name"),
        ("OlivePassword1", "too_common"),
    ],
)
def test_what_a_guesser_tries_first_is_refused(password: str, problem: str) -> None:
    assert judged(password) == problem


def test_no_name_and_a_short_name_are_like_nothing() -> None:
    person = password_rules.Person("a@b.c", ("", "Li"))
    assert password_rules.problem("lighthouse-14-keel", person, shortest=10) is None


def test_the_longest_is_taken_and_the_shortest_is_as_said() -> None:
    assert judged("bakery-tuesday-14 " * 5 + "1234567890") is None
    assert judged("kq9#xv!t", shortest=8) is None
