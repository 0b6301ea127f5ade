"""Forty hand-written prompts of an online electronics shop: no domain of the training sets.

Each is (manner, goal, what the assistant said or "", acts line).
"""

ASK_ORDER = "Could you give me your order number?"
ASK_ITEM = "Which product is it about?"
ASK_REASON = "May I ask why you want to return it?"
ASK_PROBLEM = "What is wrong with it?"
ASK_EMAIL = "Which email address is on the account?"
ASK_VERSION = "Which version would you like instead?"
VOUCHER = "I could offer you a 10 euro voucher. Would you like that?"
REFUND = "I can refund 49 euros to your card. Shall I do that?"
DONE = "Done, the refund is on its way. Is there anything else?"

SHOP: tuple[tuple[str, str, str, str], ...] = (
    ("brief plain", "return a product", "", "state goal(return a product)"),
    ("medium polite", "return a product", "", "greet; state goal(return a product)"),
    ("talkative", "exchange a product", "", "state goal(exchange a product); inform(item = electric kettle)"),
    ("medium", "track an order", "", "state goal(track an order); inform(order number = NB-55120)"),
    ("brief", "claim the warranty", "", "state goal(claim the warranty); inform(item = robot vacuum)"),
    ("medium plain", "cancel an order", "", "state goal(cancel an order)"),
    ("brief", "return a product", ASK_ORDER, "inform(order number = NB-20417)"),
    ("medium polite", "return a product", ASK_ORDER, "inform(order number = NB-83302)"),
    ("talkative", "track an order", ASK_ORDER, "inform(order number = 7741902)"),
    ("medium", "track an order", ASK_ORDER, "inform(order number = KX-10056, email address = r.devries@ziggo.nl)"),
    ("brief casual", "check a refund", ASK_EMAIL, "inform(email address = m.ito@fastmail.com)"),
    ("talkative polite", "check a refund", ASK_EMAIL, "inform(email address = kowalski77@gmail.com)"),
    ("brief", "return a product", ASK_ITEM, "inform(item = wireless mouse)"),
    ("medium", "return a product", ASK_ITEM, "inform(item = noise-cancelling headphones)"),
    ("talkative", "exchange a product", ASK_ITEM, "inform(item = bluetooth speaker, order number = NB-31877)"),
    ("medium casual", "exchange a product", ASK_ITEM, "inform(item = e-reader, new version = the white one)"),
    ("brief", "return a product", ASK_REASON, "inform(reason = it arrived with a cracked screen)"),
    ("medium polite", "return a product", ASK_REASON, "inform(reason = I ordered it twice by mistake)"),
    ("talkative", "return a product", ASK_REASON, "inform(reason = it is smaller than I expected)"),
    ("medium", "claim the warranty", ASK_PROBLEM, "inform(problem = it keeps disconnecting)"),
    ("brief casual", "claim the warranty", ASK_PROBLEM, "inform(problem = the left button is stuck)"),
    ("talkative", "claim the warranty", ASK_PROBLEM, "inform(problem = the battery lasts only an hour)"),
    ("medium", "exchange a product", ASK_VERSION, "inform(new version = the larger size)"),
    ("brief polite", "exchange a product", ASK_VERSION, "inform(new version = the newer model)"),
    ("brief", "return a product", VOUCHER, "reject"),
    ("medium polite", "return a product", VOUCHER, "reject"),
    ("talkative", "return a product", VOUCHER, "reject; request(refund amount)"),
    ("medium", "exchange a product", VOUCHER, "ask alternative"),
    ("medium polite", "return a product", REFUND, "confirm"),
    ("brief", "return a product", REFUND, "confirm"),
    ("talkative", "return a product", REFUND, "confirm; request(refund time)"),
    ("medium", "claim the warranty", "We can repair it for free. Shall I book that?", "confirm"),
    ("brief", "claim the warranty", "We can repair it for free. Shall I book that?", "reject"),
    ("medium", "check a refund", "I found it. It was sent yesterday.", "request(refund time)"),
    ("brief", "track an order", "It is on its way.", "request(delivery day)"),
    ("medium polite", "claim the warranty", "The repair is booked.", "request(repair time)"),
    ("brief", "return a product", DONE, "thank; bye"),
    ("medium polite", "return a product", DONE, "reject; thank"),
    ("talkative", "return a product", DONE, "thank"),
    ("medium casual", "track an order", "It arrives on Monday. Can I help with anything else?", "reject; bye"),
)
