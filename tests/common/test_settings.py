"""Configurations as people write them: files, `key=value`, and everything that is wrong said at once."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import pytest
from pydantic import Field, field_validator, model_validator

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.settings import Settings, SettingsError, parse_setting, parse_settings


class Engine(Settings):
    synonyms: ClassVar[Mapping[str, str]] = {"hp": "power"}

    power: float = Field(90, gt=0)
    fuel: str = "petrol"

    @field_validator("fuel")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("petrol", "diesel"):
            raise unknown_name("fuel", value, ("petrol", "diesel"))
        return value


class Trailer(Settings):
    seats: int = 0
    length: int = Field(2, ge=1)
    cargo: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _seats_are_far_from_each_other(self) -> Self:
        if self.seats > self.length:
            raise ValueError("more seats than metres")
        return self


class Car(Settings):
    typed_in_full: ClassVar[Sequence[str]] = ("trailer",)

    name: str
    seats: int = Field(4, ge=1)
    engine: Engine = Field(default_factory=Engine)
    spare: Engine | None = None
    trailer: Trailer | None = None
    extras: dict[str, float] = Field(default_factory=dict)
    tyres: dict[str, float] | str = "summer"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rate=1e-3", ("rate", 0.001)),
        ("rate=-2.5E+6", ("rate", -2.5e6)),
        ("seats=5", ("seats", 5)),
        ("fast=true", ("fast", True)),
        ("steps=", ("steps", None)),
        ("steps=null", ("steps", None)),
        ("names=[BFS, ASTAR]", ("names", ["BFS", "ASTAR"])),
        ("name=2026-01-31", ("name", "2026-01-31")),
        ("name='5'", ("name", "5")),
        ("text=a=b", ("text", "a=b")),
        (" engine.power = 3", ("engine.power", 3)),
    ],
)
def test_a_typed_setting_is_read_as_in_a_file(text: str, expected: tuple[str, object], tmp_path: Path) -> None:
    assert parse_setting(text) == expected


@pytest.mark.parametrize("text", ["rate", "=3", ""])
def test_what_sets_nothing_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="write KEY=VALUE"):
        parse_setting(text)


def test_a_value_that_is_no_yaml_is_named() -> None:
    with pytest.raises(UserError, match=r"names: '\[BFS' is no valid value"):
        parse_setting("names=[BFS")


def test_of_a_setting_typed_twice_the_last_one_counts() -> None:
    assert parse_settings(["seats=2", "name=x", "seats=3"]) == {"seats": 3, "name": "x"}


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("seats", "seats"),
        ("engine.power", "engine.power"),
        ("engine.hp", "engine.power"),
        ("extras.radio", "extras.radio"),
    ],
)
def test_names(typed: str, full: str) -> None:
    assert Car.full_key(typed) == full


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("power", "could be engine.power or spare.power"),
        ("seat", "Did you mean 'seats'"),
        ("engine.powr", "Did you mean 'engine.power'"),
        ("seats.power", "no setting 'seats.power'"),
    ],
)
def test_names_that_mean_nothing_or_too_much(typed: str, answer: str) -> None:
    with pytest.raises(UserError, match=answer):
        Car.full_key(typed)


def test_some_settings_of_a_copy_are_changed() -> None:
    car = Car(name="a", engine=Engine(power=50))
    other = car.with_values({"engine.fuel": "diesel", "extras.radio": 1.5, "spare.hp": 7})
    assert other == Car(name="a", engine=Engine(power=50, fuel="diesel"), extras={"radio": 1.5}, spare=Engine(power=7))
    assert car == Car(name="a", engine=Engine(power=50))
    with pytest.raises(SettingsError, match="seats = 0"):
        car.with_values({"seats": 0})


def test_a_file_and_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "car.yaml"
    path.write_text("engine: {power: 1e2}\nspare:\n")
    assert Car.from_values({"name": "a", "spare.power": 2}, path) == Car(
        name="a", engine=Engine(power=100), spare=Engine(power=2)
    )
    with pytest.raises(SettingsError, match=r"car\.yaml: Car: 'name' is missing"):
        Car.from_values({"seats": 2}, path)
    path.write_text("name: a\nengine: fast\n")
    with pytest.raises(SettingsError, match=r'car\.yaml: Car: engine = "fast"'):
        Car.from_values({"engine.power": 2}, path)
    path.write_text("name: a\ntyres: winter\n")
    with pytest.raises(UserError, match=r"tyres.front can't be set: 'tyres' is 'winter'"):
        Car.from_values({"tyres.front": 2}, path)


def test_a_wrong_value_that_was_typed_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    path = tmp_path / "car.yaml"
    path.write_text("name: a\n")
    with pytest.raises(SettingsError, match=r"\ACar: seats = 0"):
        Car.from_values({"seats": 0}, path)


def test_everything_that_is_wrong_is_said_at_once_and_where() -> None:
    with pytest.raises(SettingsError) as caught:
        Car(seats=0, engine={"fuel": "coal", "power": -1, "powr": 1}, colour="red")
    said = list(map(str, caught.value.problems))
    assert said[0] == "'name' is missing."
    assert said[1] == "seats = 0: input should be greater than or equal to 1."
    assert {problem.place for problem in caught.value.problems[2:]} == {
        "engine.fuel", "engine.power", "engine.powr", "colour",
    }  # fmt: skip
    assert "Did you mean 'power'" in str(caught.value)
    assert "engine.fuel = 'coal': There is no fuel named 'coal'" in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and again.problems == caught.value.problems


def test_a_text_that_looks_like_a_number_comes_back_as_a_text(tmp_path: Path) -> None:
    car = Car(name="1e5")
    assert Car.load(car.save(tmp_path / "car.yaml")) == car
    assert Car.load(Car(name="2026-01-31").save(tmp_path / "day.yaml")).name == "2026-01-31"


def test_a_section_that_is_called_like_others_is_typed_in_full() -> None:
    assert (Car.full_key("seats"), Car.full_key("trailer.seats")) == ("seats", "trailer.seats")
    with pytest.raises(UserError, match=r"no setting 'length'. Did you mean 'trailer\.length'"):
        Car.full_key("length")
    car = Car(name="a").with_values({"trailer.cargo.hay": 3.0, "trailer.seats": 1})
    assert car.trailer == Trailer(seats=1, cargo={"hay": 3})
    with pytest.raises(UserError, match=r"no setting 'trailer\.crago\.hay'"):
        Car(name="a").with_values({"trailer.crago.hay": 3})


def test_what_is_wrong_with_a_section_as_a_whole_names_it() -> None:
    with pytest.raises(UserError, match="Car: trailer: more seats than metres"):
        Car(name="a", trailer={"seats": 5})
