"""Sentences on record are said again in the reader's language, and the catalogs hold all that there is to say."""

from __future__ import annotations

import ast
import re

import pytest
from babel.messages.pofile import read_po

from surveillance.domain.errors import SettingsError
from surveillance.storage.site_file import parse_camera
from surveillance.translations import SAID, catalog_file, is_slight, pattern_of, said
from surveillance.translations.extract import sentences_in
from surveillance.translations.words import WORDS


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
        ("camera a is stale" * 300, "camera a is stale" * 300),  # longer than any sentence
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


@pytest.mark.parametrize(
    ("sentence", "spoken"),
    [
        (  # a value that is a word, and a suggestion
            "no zone is called 'yrd'; did you mean 'yard'?",
            "no existe zona con el nombre 'yrd'; ¿quiso decir 'yard'?",
        ),
        (  # a thing of two words, and no name to suggest
            "no notify target is called 'ops'; there are: none",
            "no existe destino de avisos con el nombre 'ops'; existen: ninguno",
        ),
        (  # an empty value
            "door front has no relay, so nothing can unlock it",
            "la puerta front no tiene relé, así que nada puede ejecutar en ella la orden liberar",
        ),
        ("there is no authorize rule", "no hay ninguna regla de autorización"),
        ("there is no authorize rule for door front", "no hay ninguna regla de autorización para la puerta front"),
        (  # a place and what is wrong there
            "cameras.yard.zones[0].points: needs at least 3 points (there are 2)",
            "cameras.yard.zones[0].points: necesita al menos 3 puntos (hay 2)",
        ),
        (  # an address and what it answered
            "rtsp://192.0.2.7/a refused the user name or password",
            "rtsp://192.0.2.7/a rechazó el nombre de usuario o la contraseña",
        ),
        (
            'no authorize rule was true: a needs people == 1 but people = 2, and "pin" in factors but factors = badge',
            "no se cumplió ninguna regla de autorización: "
            'a exige people == 1, pero people = 2, y "pin" in factors, pero factors = badge',
        ),
        ("open but locked", "open but locked"),  # too little to be known by
        ("camera", "camera"),  # a name, not the word
    ],
)
def test_a_sentence_with_words_and_parts_in_it_is_said_whole(sentence: str, spoken: str) -> None:
    assert said(sentence, "es") == spoken


def test_every_sentence_is_known_again_as_itself() -> None:
    """With names as values; a slight one, of a word and a value, only within another."""
    wrong = {}
    with catalog_file("es").open("rb") as file:
        told = {str(one.id): str(one.string) for one in read_po(file) if one.context == SAID and one.id not in WORDS}
    for template, translation in told.items():
        names = {str(number): f"Name{number}" for number in range(9)}
        sentence = filled(template, names)
        if not is_slight(template) and said(sentence, "es") != filled(translation, names):
            wrong[sentence] = said(sentence, "es")
    assert wrong == {}


def filled(template: str, names: dict[str, str]) -> str:
    return re.sub(r"\{(\d+)(:word)?\}", lambda found: names[found[1]], template)


def test_what_pydantic_finds_in_a_site_is_said_too() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_camera({"name": "front", "url": "rtsp://192.0.2.7/a", "analyze_fps": "fast", "view": "odd"})
    assert said(str(caught.value), "es").splitlines() == [
        "la cámara front: analyze_fps: debe ser un número válido; no se puede leer como número (hay 'fast')",
        "la cámara front: view: debe ser 'side' o 'top' (hay 'odd')",
    ]


@pytest.mark.parametrize(
    ("sentence", "spoken"),
    [
        ("lock down by admin: drill", "bloqueo total por orden de admin: drill"),
        (
            "door.lock front: http://192.0.2.9:80: cannot connect (Connection refused)",
            "cerrar la puerta front: http://192.0.2.9:80: no se puede conectar (Connection refused)",
        ),
        (
            "the camera's address: 169.254.169.254 is a link-local or metadata address, which may hand out secrets",
            "la dirección de la cámara: 169.254.169.254 es una dirección de enlace local o de metadatos, "
            "que puede entregar secretos",
        ),
    ],
)
def test_a_deed_or_an_address_before_a_sentence_is_kept_with_it(sentence: str, spoken: str) -> None:
    assert said(sentence, "es") == spoken
