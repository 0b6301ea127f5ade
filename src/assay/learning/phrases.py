"""Phrases written by the authors of assay: goals and topics of many domains, and lines for acts that no set has."""

GOALS: tuple[str, ...] = (
    "return a product", "send a parcel back", "check a refund", "get my money back", "exchange a product",
    "swap the size", "track an order", "find out where my parcel is", "claim the warranty", "get a device repaired",
    "cancel an order", "cancel a booking", "change my address", "update my email address", "reset my password",
    "unlock my account", "close my account", "open an account", "renew a subscription", "stop a subscription",
    "upgrade my plan", "downgrade the contract", "pay an invoice", "dispute a charge", "ask about a bill",
    "get a copy of the receipt", "report a lost card", "block a stolen card", "activate a card", "raise the limit",
    "apply for a loan", "ask for a mortgage quote", "change the delivery date", "move an appointment",
    "make an appointment", "cancel an appointment", "see a specialist", "renew a prescription", "get test results",
    "ask about side effects", "register as a patient", "get a vaccination", "change the doctor", "get a sick note",
    "report a power cut", "read the meter", "move house", "switch the supplier", "report a broken router",
    "fix the internet connection", "set up the printer", "install an update", "recover deleted files",
    "remove a virus", "order a spare part", "book a repair", "ask about a missing part", "complain about a delivery",
    "complain about the service", "leave a review", "use a voucher", "redeem a gift card", "check my points",
    "get an insurance quote", "file a claim", "report an accident", "extend the cover", "rebook a flight",
    "upgrade a seat", "add luggage", "report lost luggage", "get a visa", "renew a passport", "pay a fine",
    "enrol in a course", "drop a course", "get a certificate", "ask about tuition fees", "borrow a book",
    "extend a loan", "reserve a study room", "adopt a pet", "see a vet", "groom the dog", "hire a plumber",
    "get the heating checked", "rent a storage room", "end the lease", "report a leak", "sell a car",
    "get a recommendation", "pick something to watch", "find a film for tonight", "find a gift", "learn to cook",
    "plan a workout", "change the menu", "order catering", "feed back on a meal", "ask about allergies",
    "join the club", "freeze the membership", "book a lesson", "get a parking permit", "report a pothole",
    "register a company", "translate a document", "print some photos", "ship a package", "pick up a parcel",
)  # fmt: skip
"""What a person may want to get done, as a phrase after "wants to"."""

TOPICS: tuple[str, ...] = (
    "refund time", "delivery day", "repair time", "processing fee", "tracking number", "return label", "waiting time",
    "opening hours", "shipping cost", "deposit", "interest rate", "account balance", "due date", "renewal date",
    "contract length", "notice period", "monthly fee", "late fee", "warranty period", "delivery window",
    "collection point", "return address", "refund amount", "exchange rate", "credit limit", "reference number",
    "case number", "customer number", "contact person", "direct line", "arrival time", "departure time", "gate",
    "platform", "seat number", "luggage limit", "check-in time", "check-out time", "cancellation fee", "dose",
    "test result", "appointment time", "doctor's name", "room number", "visiting hours", "parking fee", "dress code",
    "age limit", "running time", "year", "director", "genre", "main actor", "rating", "language", "cost", "size",
    "colour", "weight", "material", "battery life", "screen size", "storage", "model number", "serial number",
    "expiry date", "ingredients", "calories", "recipe", "course fee", "start date", "end date", "class size",
    "teacher", "pass mark", "next step", "status", "reason", "total", "discount", "tax", "minimum order",
)  # fmt: skip
"""What a person may ask for, as a noun phrase after "the"."""

SPOKEN: dict[str, tuple[str, ...]] = {
    "phone number": ("contact number", "telephone number", "number", "phone"),
    "street address": ("address", "exact address"),
    "venue address": ("address",),
    "address of location": ("address",),
    "ride fare": ("fare", "cost", "price"),
    "total price": ("price", "cost", "total cost"),
    "price per night": ("price", "cost", "rate"),
    "average rating": ("rating", "ratings"),
    "postcode": ("post code", "zip code", "postal code"),
    "phone": ("phone number", "telephone number", "number"),
}
"""Slot asked for -> how people call it."""

ASKS: tuple[str, ...] = (
    "What is your {}?", "Could you give me your {}?", "May I have your {}, please?", "Please tell me your {}.",
    "I need your {} to go on.", "Could you tell me the {}?", "Which {} is it?",
)  # fmt: skip
"""How an assistant asks; context only, never a target."""

DENIES: tuple[str, ...] = (
    "I am sorry, that is not possible.", "I'm afraid there is nothing left.", "Sorry, it can't be done any more.",
    "Unfortunately that was refused.", "I am sorry, I can't find it.", "Sorry, the deadline has passed.",
    "I'm sorry, that is out of stock.", "Unfortunately we are fully booked that week.",
)  # fmt: skip
"""How an assistant refuses; context only."""

TELLS: tuple[str, ...] = (
    "It takes about three days.", "I have found it, one moment.", "I will pass that on.",
    "Your request is registered.",
    "That is included in the price.", "The office opens at nine.", "You will get an email soon.",
    "That is the last one.",
    "I am sorry, that is not possible.", "It is on its way.",
)  # fmt: skip
"""What an assistant tells; context only."""

WITHHOLDS: tuple[str, ...] = (
    "I would rather not say.", "I'd rather not give you my {} here.", "Why do you need my {}?",
    "Do you really need that?",
    "I don't want to share that.", "I'm not comfortable giving that out.", "Can we do this without my {}?",
    "What do you need it for?", "I prefer not to tell you that.", "Is that really necessary?",
    "Sorry, that's private.",
    "I don't feel like giving my {} in a chat.", "No, I won't give you that.", "Why is that important?",
    "hmm, I'd prefer to keep that to myself", "why do you want to know that?", "I don't really want to say.",
    "Can't you do it without that?", "I would rather keep my {} private.", "not sure I want to give you that",
    "I'd rather not, why do you ask?", "What happens with my {}?", "Do I have to tell you?",
    "That's none of your business.",
    "I don't usually give out my {}.", "May I ask why you need it?", "I'd prefer not to.", "rather not say, sorry",
)  # fmt: skip
"""Lines for `withhold`; `{}` is what was asked for."""

COMPLAINS: tuple[str, ...] = (
    "That is really disappointing.", "I am not happy about this at all.", "That's ridiculous.", "Are you serious?",
    "This is not good enough.", "I expected better from you.", "That's very annoying.", "What a waste of time.",
    "That's a real shame.", "this is so frustrating", "I can't believe this.", "Oh come on, that can't be right.",
    "That doesn't help me at all.", "I'm really disappointed.", "That is not what I was told.",
    "Well, that's just great.",
    "This is a joke.", "That's poor service.", "I'm fed up with this.", "So I came here for nothing?",
    "You can't be serious.", "That's not fair.", "oh no, that's terrible", "Honestly, that is bad service.",
    "I find that hard to accept.", "This is getting annoying.", "That's really unhelpful.",
    "I'm quite upset about that.",
)  # fmt: skip
"""Lines for `complain`."""

ACKNOWLEDGES: tuple[str, ...] = (
    "Okay.", "I see.", "All right.", "Ok, got it.", "Right.", "Alright then.", "Fine.", "Understood.", "Hm, okay.",
    "ok", "Oh, I see.", "Good to know.", "Okay, that makes sense.", "Mm, all right.", "Sure, I understand.",
    "ah ok", "Okay then.", "Well, okay.", "Got it.", "That makes sense.",
)  # fmt: skip
"""Lines for `acknowledge`."""

ALTERNATIVES: tuple[str, ...] = (
    "Is there anything else you can do?", "Do you have another option?", "Is there another way?",
    "What else can you offer?",
    "Could we try something else?", "Can you suggest something different?", "Are there other options?",
    "any other way to do this?", "Is there something else that would work?", "Do you have any alternatives?",
    "What are my other choices?", "Isn't there anything you can do for me?", "Could you look for another one?",
    "Maybe a different one?",
)  # fmt: skip
"""Lines for `ask alternative` after a refusal."""

CORRECTS: tuple[str, ...] = (
    "No, sorry, I meant {}.", "Actually, it's {}.", "That's wrong, it should be {}.", "Not that one, {}.",
    "Sorry, my mistake, it is {}.", "No, I said {}.", "wait, it's {}", "I need to correct that, it's {}.",
    "Hold on, I mean {}.", "No, that's not right. {}.",
)  # fmt: skip
"""Lines for `correct`; `{}` is the right value."""
