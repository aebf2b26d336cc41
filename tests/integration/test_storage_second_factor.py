"""The second factor: confirmed before it counts, never taken twice, and a way back when the phone is gone."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pyotp
import pytest
from argon2 import PasswordHasher
from ledger_samples import open_desk
from sqlalchemy import select

from surveillance.domain.errors import UserMistake
from surveillance.storage.accounts import Accounts
from surveillance.storage.database import reading
from surveillance.storage.keys import KeyStore
from surveillance.storage.queries import Events
from surveillance.storage.second_factor import SecondFactor, matching_step
from surveillance.storage.tables import account

PASSWORD = "correct horse"


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


@pytest.fixture
def keys(tmp_path):
    return KeyStore(tmp_path / "keys")


@pytest.fixture
def accounts(desk, keys):
    return Accounts(desk.engine, keys, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def factor(desk, keys):
    return SecondFactor(desk.engine, keys)


@pytest.fixture
def ada(accounts):
    return accounts.add("ada", "administrator", PASSWORD).id


@pytest.fixture(autouse=True)
def early_in_a_step():
    """No test runs over the end of a step, where every code becomes the one before."""
    left_s = 30 - time.time() % 30
    if left_s < 10:
        time.sleep(left_s)


def code_of(secret, steps_away=0):
    totp = pyotp.TOTP(secret)
    return totp.generate_otp(totp.timecode(datetime.now(UTC)) + steps_away)


def told(desk):
    kept = ("user.signed_in", "user.locked", "user.second_factor_added", "user.second_factor_removed")
    return [(row["kind"], row["details"].get("by")) for row in Events(desk.engine).after(0) if row["kind"] in kept]


def test_a_secret_counts_once_the_phone_has_shown_its_code(desk, accounts, factor, ada):
    draft = factor.draft(ada)
    assert factor.draft(ada) == draft
    assert draft.uri == f"otpauth://totp/Surveillance:ada?secret={draft.secret}&issuer=Surveillance"
    assert not accounts.user(ada).has_second_factor
    with pytest.raises(UserMistake, match="that is not the code"):
        factor.confirm(ada, "000000" if code_of(draft.secret) != "000000" else "111111")
    codes = factor.confirm(ada, f" {code_of(draft.secret)[:3]} {code_of(draft.secret)[3:]} ")
    assert (len(set(codes)), factor.recovery_left(ada), accounts.user(ada).has_second_factor) == (10, 10, True)
    with pytest.raises(UserMistake, match="is set up already"):
        factor.draft(ada)
    with reading(desk.engine) as connection:
        row = connection.execute(select(account)).one()
    assert row.totp.startswith("sealed:")
    assert not any(code in str(row) or code.replace("-", "") in str(row) for code in codes)


def test_a_code_is_asked_for_and_taken_once(desk, accounts, factor, ada):
    secret = factor.draft(ada).secret
    factor.confirm(ada, code_of(secret, -1))
    assert accounts.authenticate("ada", PASSWORD).has_second_factor
    assert told(desk) == [("user.second_factor_added", None)]
    assert accounts.second_step(ada, code_of(secret, -1)) is None  # the one that confirmed it
    assert accounts.second_step(ada, code_of(secret)).name == "ada"
    assert accounts.second_step(ada, code_of(secret)) is None
    assert accounts.second_step(ada, code_of(secret, -1)) is None
    assert accounts.second_step(ada, code_of(secret, 1)).name == "ada"
    assert told(desk)[1:] == [("user.signed_in", "code"), ("user.signed_in", "code")]


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "0" * 1000])
def test_what_is_no_code_is_none(code):
    assert matching_step(pyotp.random_base32(), code, None) is None


def test_a_recovery_code_works_once_however_it_is_typed(desk, accounts, factor, ada):
    codes = factor.confirm(ada, code_of(factor.draft(ada).secret))
    assert accounts.second_step(ada, codes[0].upper().replace("-", " ")).name == "ada"
    assert accounts.second_step(ada, codes[0]) is None
    assert (factor.recovery_left(ada), told(desk)[-1]) == (9, ("user.signed_in", "recovery code"))
    fresh = factor.renew_recovery(ada)
    assert accounts.second_step(ada, codes[1]) is None
    assert accounts.second_step(ada, fresh[0]).name == "ada"


def test_guessing_codes_locks_the_name_and_a_right_password_does_not_start_anew(desk, accounts, factor, ada):
    secret = factor.draft(ada).secret
    factor.confirm(ada, code_of(secret, -1))
    for _ in range(5):
        assert accounts.authenticate("ada", PASSWORD).has_second_factor
        assert accounts.second_step(ada, "x") is None
    assert accounts.authenticate("ada", PASSWORD) is None
    assert accounts.second_step(ada, code_of(secret)) is None
    assert told(desk)[-1] == ("user.locked", None)


def test_a_lost_phone_is_forgotten(desk, accounts, factor, ada):
    old = factor.draft(ada).secret
    factor.confirm(ada, code_of(old))
    factor.remove(ada, "root")
    factor.remove(ada, "root")
    assert not accounts.authenticate("ada", PASSWORD).has_second_factor
    assert accounts.second_step(ada, code_of(old, 1)) is None
    assert factor.draft(ada).secret != old
    assert [kind for kind, _ in told(desk)] == [
        "user.second_factor_added", "user.second_factor_removed", "user.signed_in",
    ]  # fmt: skip
    with pytest.raises(UserMistake, match="there is no second factor yet"):
        factor.renew_recovery(ada)
