"""Names, streets and banks to choose from. The routing numbers are public ones, whose check digits are right."""

from __future__ import annotations

FIRST_NAMES = (
    "Ada", "Amir", "Ana", "Ben", "Carla", "Chen", "Dana", "Diego", "Elena", "Emil", "Fatima", "Frank", "Grace", "Hana",
    "Hugo", "Ines", "Ivan", "Jack", "Jamal", "Kim", "Lena", "Liam", "Lucia", "Maya", "Mei", "Nadia", "Noah", "Olga",
    "Omar", "Paul", "Priya", "Quinn", "Rosa", "Sam", "Sofia", "Tariq", "Uma", "Vera", "Will", "Yara", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Adams", "Ali", "Baker", "Becker", "Brown", "Chen", "Costa", "Davis", "Diaz", "Evans", "Fischer", "Garcia", "Gupta",
    "Haddad", "Hall", "Ito", "Jones", "Kaya", "Kelly", "Kim", "Lee", "Lopez", "Martin", "Meyer", "Moore", "Nguyen",
    "Okafor", "Patel", "Perez", "Reed", "Rossi", "Santos", "Scott", "Silva", "Singh", "Smith", "Turner", "Wang",
    "Wilson", "Young",
)  # fmt: skip
STREETS = (
    "Oak Street", "Maple Avenue", "Main Street", "Cedar Lane", "Park Avenue", "Elm Street", "Lake Drive", "Hill Road",
    "River Road", "Washington Street", "Pine Street", "Sunset Boulevard", "2nd Avenue", "Birch Court", "Mill Lane",
)  # fmt: skip
CITIES = (
    "Springfield, IL 62701", "Portland, OR 97201", "Austin, TX 78701", "Columbus, OH 43004", "Denver, CO 80202",
    "Raleigh, NC 27601", "Tucson, AZ 85701", "Albany, NY 12207",
)  # fmt: skip
ROUTING_NUMBERS = ("231380104", "121042882", "091400606", "021000021")
