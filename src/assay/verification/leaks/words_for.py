"""English words for numbers, months, times of day and units."""

import re

ONES = {w: i for i, w in enumerate((
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
))}  # fmt: skip
TENS = {
    w: 10 * i
    for i, w in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
}  # fmt: skip
SCALES = {"hundred": 100, "thousand": 1000, "grand": 1000, "million": 1_000_000}
ORDINALS = {w: i for i, w in enumerate((
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
), 1)} | {"thirtieth": 30, "fortieth": 40, "fiftieth": 50}  # fmt: skip
MONTHS = {
    m: i
    for i, m in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)
}  # fmt: skip
MONTH = re.compile(
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?"
)
CLOCK = {"noon": 720, "midday": 720, "midnight": 0}
"""Words for a time of day, in minutes since midnight."""
UNITS = {
    word: words[0]
    for words in (
        ("usd", "dollar", "dollars", "buck", "bucks", "$"), ("eur", "euro", "euros", "€"),
        ("gbp", "pound", "pounds", "quid", "£"), ("cent", "cents"), ("percent", "%"),
        ("second", "seconds", "secs"), ("minute", "minutes", "min", "mins"),
        ("hour", "hours", "hr", "hrs"), ("day", "days"), ("week", "weeks"), ("month", "months"),
        ("year", "years", "yrs", "yr"), ("kg", "kilo", "kilos", "kilogram", "kilograms"), ("g", "gram", "grams"),
        ("lb", "lbs"), ("km", "kilometre", "kilometres", "kilometer", "kilometers"), ("mile", "miles"),
        ("m", "metre", "metres", "meter", "meters"), ("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
        ("foot", "feet", "ft"), ("inch", "inches"), ("l", "litre", "litres", "liter", "liters"),
        ("ml", "millilitre", "millilitres", "milliliter", "milliliters"), ("mg", "milligram", "milligrams"),
        ("degree", "degrees"),
    )
    for word in words
}  # fmt: skip
"""Word or sign -> unit."""
MONEY = frozenset({"usd", "eur", "gbp"})
MEASURES = {
    "second": ("time", "1"), "minute": ("time", "60"), "hour": ("time", "3600"), "day": ("time", "86400"),
    "week": ("time", "604800"), "month": ("months", "1"), "year": ("months", "12"), "g": ("mass", "1"),
    "kg": ("mass", "1000"), "mg": ("mass", "0.001"), "km": ("length", "1000"), "m": ("length", "1"),
    "cm": ("length", "0.01"), "foot": ("feet", "12"), "inch": ("feet", "1"), "l": ("volume", "1000"),
    "ml": ("volume", "1"), "usd": ("dollars", "100"), "cent": ("dollars", "1"),
}  # fmt: skip
"""Unit -> (dimension, factor to its base unit)."""
