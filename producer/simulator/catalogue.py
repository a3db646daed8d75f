"""Songs and names: invented, the same for every seed."""

import json
from dataclasses import dataclass
from functools import cache
from random import Random

SONGS = 9000
ARTISTS = 1800
SKEW = 3.0  # the index is SONGS * u**SKEW: one song in eight comes from the top 0.2 %
LENGTH_MEAN_S, LENGTH_SD_S = 249.1, 98.0
SHORTEST_S, LONGEST_S = 30.0, 1800.0

COLOURS = ("Amber", "Azure", "Crimson", "Golden", "Hollow", "Silver", "Velvet", "Electric", "Paper", "Winter", "Neon")
THINGS = ("Harbour", "Lanterns", "Foxes", "Avenue", "Satellite", "Orchard", "Engines", "Mirrors", "Rivers", "Parade")
MOODS = ("Waiting for", "Running from", "Dancing with", "Letter to", "Back to", "Under", "Beyond", "Dreaming of")
WOMEN = ("Ada", "Bea", "Carla", "Dina", "Elsa", "Faye", "Gwen", "Hana", "Ida", "June", "Kira", "Lena", "Mina", "Nora")
MEN = ("Abel", "Ben", "Carl", "Dan", "Emil", "Finn", "Gus", "Hugo", "Ivan", "Jack", "Kurt", "Leo", "Max", "Nils")
SURNAMES = (
    "Abbot",
    "Birch",
    "Castle",
    "Dale",
    "Elm",
    "Ford",
    "Grove",
    "Hill",
    "Isle",
    "Kerr",
    "Lake",
    "Marsh",
    "North",
)


@dataclass(frozen=True, slots=True)
class Song:
    """A song with the pieces of its row, as JSON, and how long it plays in whole seconds."""

    artist: str
    title: str
    length: str
    seconds: int


@cache
def songs() -> tuple[Song, ...]:
    """The catalogue, the most played first."""
    rng = Random("catalogue")
    sigma2 = 0.144  # of the logarithm: gives the standard deviation of the real lengths
    mu = 5.412
    found = []
    for number in range(SONGS):
        artist = int(ARTISTS * rng.random())
        band = f"The {COLOURS[artist % 11]} {THINGS[artist // 11 % 10]} {artist // 110 or ''}".strip()
        title = f"{rng.choice(MOODS)} {rng.choice(COLOURS)} {rng.choice(THINGS)} {number % 97 or ''}".strip()
        length = round(min(max(rng.lognormvariate(mu, sigma2**0.5), SHORTEST_S), LONGEST_S), 5)
        found.append(Song(json.dumps(band), json.dumps(title), repr(length), int(length)))
    return tuple(found)
