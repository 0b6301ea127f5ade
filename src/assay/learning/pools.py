"""Fixed words for varying the training sessions: values, slot names, nouns, verbs, context, goal phrases.

None of this is a user turn: the words are put in place of values, nouns and verbs that a person wrote, so that an
adapter learns to copy what the acts line says instead of remembering a few domains.
"""

SITUATIONS: tuple[str, ...] = (
    "chat", "phone", "voice assistant", "email", "text message", "web form", "at home", "at work", "on the train",
    "in the car", "in a shop", "outside", "in a waiting room", "at the airport", "in bed", "in the kitchen",
    "morning", "noon", "evening", "late at night", "weekend", "in a hurry", "plenty of time", "short visit",
    "long visit", "tired", "calm", "annoyed", "happy", "worried", "curious", "relaxed", "excited", "bored",
    "first contact", "second contact", "with children around", "noisy place", "quiet place", "slow connection",
)  # fmt: skip
"""Context words, drawn independently of the text."""

VALUES: dict[str, tuple[str, ...]] = {
    "product": (
        "electric kettle", "noise-cancelling headphones", "robot vacuum", "phone case", "smart watch", "desk lamp",
        "gaming keyboard", "coffee grinder", "baby monitor", "hair dryer", "external hard drive", "garden hose",
        "running shoes", "winter jacket", "yoga mat", "office chair", "bread maker", "bike helmet", "tent for two",
        "toaster", "printer", "kitchen scale", "blue curtains", "USB-C cable", "air fryer", "camera bag",
    ),
    "person": (
        "Maria Jensen", "Tom Okafor", "Li Wei", "Anna-Lena Roth", "Dr. Patel", "Samir Haddad", "Mrs. Novak",
        "Jorge Castillo", "Aisha Bello", "Piotr", "Emma", "Mr. Tanaka", "Noah Fischer", "Chloe Martin",
    ),
    "email": (
        "tessa.lind@posteo.net", "okafor88@gmail.com", "p.hughes@outlook.com", "mila.k@proton.me",
        "samir.t@yahoo.com", "anna.bauer@web.de", "lee_wong@icloud.com", "info@northpeak.org", "jd1979@mail.com",
    ),
    "amount": (
        "29 euros", "$14.50", "120 dollars", "49.99", "£15", "two hundred dollars", "75 cents", "$1,250", "8 pounds",
    ),
    "date": (
        "next Friday", "March 3rd", "the 21st", "tomorrow", "July 14", "Monday morning", "last week", "12/05",
        "the day after tomorrow", "Saturday", "November 30th", "in two weeks",
    ),
    "time": ("9:15 am", "half past two", "noon", "7 pm", "quarter to six", "16:40", "around ten", "before lunch"),
    "place": (
        "Utrecht", "the north side", "12 Elm Street", "Gate B7", "Nairobi", "the second floor", "Porto Alegre",
        "Kingsway", "Room 204", "Lake View", "Montreal", "the old town", "Springfield", "77 Harbour Road",
    ),
    "version": (
        "the black one", "the larger size", "the newer model", "the one with a cable", "a smaller one",
        "gift-wrapped", "second-hand", "express delivery", "the family plan", "store credit", "by bank transfer",
    ),
}  # fmt: skip
"""Kind of value -> values. `code` and `clause` are made on the fly (augment.make_code, augment.make_clause)."""

CLAUSE_SUBJECTS: tuple[str, ...] = (
    "it", "the lid", "the display", "the battery", "one wheel", "the left button", "the box", "the handle", "the app",
    "the second one", "the cable", "the sound", "the zip", "my card", "the driver", "the bill", "the water",
)  # fmt: skip
CLAUSE_ENDS: tuple[str, ...] = (
    "arrived broken", "arrived with a crack", "is too loud", "is missing", "has the wrong colour", "stopped working",
    "does not fit", "is stuck", "came too late", "keeps turning off", "smells of plastic", "was already open",
    "gets very hot", "is not what I ordered", "was charged twice", "does not turn on", "is smaller than expected",
    "makes a strange noise", "never showed up", "looks used", "leaks after a day", "has a scratch on it",
)  # fmt: skip
"""Halves of made-up clauses, the values of reasons and problems."""

KIND_SLOTS: dict[str, tuple[str, ...]] = {
    "code": ("order number", "booking code", "ticket number", "customer number", "reference", "invoice number"),
    "product": ("item", "product", "article", "device"),
    "person": ("name", "contact", "doctor", "sender"),
    "email": ("email address", "email", "account"),
    "clause": ("reason", "problem", "issue", "complaint"),
    "amount": ("price", "amount", "budget", "fee"),
    "date": ("date", "day", "delivery day"),
    "time": ("time", "hour"),
    "place": ("place", "address", "city", "location"),
    "version": ("new version", "option", "choice", "delivery method"),
}
"""Kind of value -> slot names that fit it."""

GENERIC_SLOTS: tuple[str, ...] = ("detail", "value", "item", "answer", "information", "wish", "option", "field")
"""Names that say nothing, for any slot."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "city": ("town", "place", "location"),
    "date": ("day", "when", "date wanted"),
    "time": ("hour", "time wanted", "at what time"),
    "restaurant name": ("restaurant", "place", "name"),
    "party size": ("number of people", "guests", "how many"),
    "cuisine": ("food", "kind of food"),
    "food": ("cuisine", "kind of food"),
    "area": ("part of town", "district"),
    "price range": ("price", "budget", "price level"),
    "phone": ("phone number", "telephone"),
    "phone number": ("phone", "telephone", "contact number"),
    "street address": ("address", "where it is"),
    "address": ("street address", "where it is"),
    "origin city": ("from", "departure city", "start"),
    "destination city": ("to", "where to", "destination"),
    "departure date": ("leaving on", "date", "start date"),
    "return date": ("coming back on", "end date"),
    "movie name": ("film", "movie", "title"),
    "event name": ("event", "show", "title"),
    "price": ("cost", "how much"),
    "total price": ("total", "cost in all"),
}
"""Slot name -> other names of the same thing."""

GOAL_PHRASES: dict[str, tuple[str, ...]] = {
    "find restaurants": ("find a restaurant", "look for a place to eat"),
    "reserve restaurant": ("book a table", "reserve a table"),
    "find movies": ("find a movie", "look for a film"),
    "buy movie tickets": ("get movie tickets", "buy tickets for a film"),
    "get times for movie": ("find show times", "see when a movie is on"),
    "find events": ("find an event", "look for something to do"),
    "buy event tickets": ("get event tickets", "buy tickets"),
    "find apartment": ("find a place to live", "look for an apartment"),
    "schedule visit": ("arrange a visit", "plan a viewing"),
    "search hotel": ("find a hotel", "look for a room"),
    "reserve hotel": ("book a hotel", "reserve a room"),
    "search house": ("find a house to stay in", "look for a holiday home"),
    "book house": ("reserve a house", "book the house"),
    "search oneway flight": ("find a one way flight", "look for a flight"),
    "search roundtrip flights": ("find a round trip flight", "look for a return flight"),
    "reserve oneway flight": ("book a flight", "reserve a one way flight"),
    "reserve roundtrip flights": ("book a round trip", "reserve the flights"),
    "find bus": ("find a bus", "look for a bus"),
    "buy bus ticket": ("buy a bus ticket", "book a bus"),
    "get cars available": ("find a rental car", "look for a car"),
    "reserve car": ("rent a car", "book the car"),
    "get ride": ("get a ride", "book a cab"),
    "get weather": ("check the weather", "know the weather"),
    "find provider": ("find a doctor", "look for someone"),
    "book appointment": ("make an appointment", "schedule an appointment"),
    "find attractions": ("find something to see", "look for attractions"),
    "get events": ("look at the calendar", "see what is planned"),
    "add event": ("put an event in the calendar", "add an event"),
    "get available time": ("see when there is time", "find a free slot"),
}
"""Intent in words -> other phrases for it."""

NOUNS: tuple[str, ...] = (
    "restaurant", "movie", "flight", "hotel", "apartment", "house", "car", "bus", "event", "ride", "dentist",
    "doctor", "appointment", "concert", "table", "room", "ticket", "film", "song", "place", "cab", "trip", "stylist",
    "salon", "attraction",
)  # fmt: skip
"""Nouns of the public sets' domains, singular."""

OTHER_NOUNS: tuple[str, ...] = (
    "kettle", "parcel", "refund", "invoice", "laptop", "subscription", "warranty", "printer", "password", "contract",
    "product", "charger", "delivery", "voucher", "repair", "mattress", "order", "sim card", "bike", "prescription",
    "account", "statement", "sofa", "toaster", "headset", "gift card", "claim", "meter", "router", "package",
)  # fmt: skip
"""Nouns put in their place."""

VERBS: tuple[str, ...] = ("book", "reserve", "buy", "find", "schedule", "rent", "purchase")
"""Verbs of the public sets' goals."""

OTHER_VERBS: tuple[str, ...] = (
    "return", "exchange", "cancel", "track", "replace", "change", "repair", "check", "renew", "report", "move",
    "claim", "activate", "order", "pay for", "complain about",
)  # fmt: skip
"""Verbs put in their place."""
