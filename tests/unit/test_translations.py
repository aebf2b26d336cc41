"""Sentences on record are said again in the reader's language, and the catalogs hold all that there is to say."""

from __future__ import annotations

import ast

import pytest

from surveillance.translations import pattern_of, said
from surveillance.translations.extract import sentences_in


@pytest.mark.parametrize(
    ("sentence", "spoken"),
    [
        ("deny rule two-abreast was true: people = 2", "se cumplió la regla de denegación two-abreast: people = 2"),
        (
            "camera front is stale, and door front says on_camera_stale: deny",
            "la cámara front no da imágenes recientes, y la puerta front indica on_camera_stale: deny",
        ),
        (
            "deny rule a could not be told: camera b is stale",
            "no se pudo evaluar la regla de denegación a: la cámara b no da imágenes recientes",
        ),
        ("nobody ever wrote this down", "nobody ever wrote this down"),
        ("", ""),
    ],
)
def test_a_sentence_on_record_is_known_again_with_those_inside_it(sentence: str, spoken: str) -> None:
    assert said(sentence, "es") == spoken
    assert said(sentence, "en") == sentence
    assert said(sentence, "tlh") == sentence


def test_each_line_of_a_fault_is_said_and_its_caret_kept() -> None:
    assert said("camera a is stale\n    lable == 1\n    ^^^^^", "es") == (
        "la cámara a no da imágenes recientes\n    lable == 1\n    ^^^^^"
    )


def test_a_pattern_fits_whole_lines_and_names_its_values() -> None:
    pattern, numbers = pattern_of("{1} before {0}?")
    found = pattern.fullmatch("a before b?")
    assert found is not None
    assert (found.groups(), numbers) == (("a", "b"), (1, 0))
    assert pattern.fullmatch("a before b") is None


def test_sentences_are_found_in_code_but_not_in_its_comments_and_logs() -> None:
    code = '''
"""A docstring of several words."""
TABLE = {"a_name": "a set holds texts in quotes"}
def f(name, log):
    """Another one of these."""
    log.info("this is only logged")
    raise UserMistake(f"no door is called {name!r}; " f"did you mean {g('the inner words')}?")
'''
    assert [text for _, text in sentences_in(ast.parse(code))] == [
        "a set holds texts in quotes",
        "no door is called {0}; did you mean {1}?",
        "the inner words",
    ]
