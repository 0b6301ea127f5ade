"use strict";
// Every text is put in as text, never as markup.
const $ = (id) => document.getElementById(id);
const state = { who: "", adjudicate: false, places: [], open: new Set(), at: 0, item: null, picked: new Set(), shown: 0, busy: false };
const KEYS = { "cannot tell": "c", "several fit": "s", "none of these": "n" };

async function call(path, body) {
  const mode = state.adjudicate ? "adjudicate" : "answer";
  const query = new URLSearchParams({ assessor: state.who, mode });
  const options = body ? { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...body, assessor: state.who }) } : {};
  let reply;
  try {
    reply = await fetch(`api/${path}?${query}`, options);
  } catch (error) {
    throw new Error("The server does not answer. Start `assay review` again; every answer given so far is kept.");
  }
  const found = await reply.json();
  if (!reply.ok) throw new Error(found.error || `error ${reply.status}`);
  return found;
}

function trouble(error) {
  $("trouble").hidden = !error;
  $("trouble").textContent = error ? error.message : "";
}

function overview(found) {
  const total = state.adjudicate ? found.disagreements : found.total;
  const done = state.adjudicate ? found.settled : found.answered;
  $("bar").hidden = false;
  $("bar").setAttribute("aria-valuemax", String(Math.max(total, 1)));
  $("bar").setAttribute("aria-valuenow", String(done));
  $("bar").setAttribute("aria-valuetext", `${done} of ${total}`);
  $("fill").style.width = `${(100 * done) / Math.max(total, 1)}%`;
  $("who").hidden = false;
  $("who").textContent = state.adjudicate ? `${state.who}, adjudicating` : state.who;
  $("state").textContent = `${done} of ${total} ${state.adjudicate ? "disagreements settled" : "answered"}. ` + found.people.map((p) => `${p.name}: ${p.answered}`).join(", ");
  const a = found.agreement;
  const numbers = [a.kappa === null ? "" : `kappa ${a.kappa.toFixed(2)}`, a.alpha === null ? "" : `Krippendorff's alpha ${a.alpha.toFixed(2)}`].filter(Boolean);
  $("agree").textContent = a.shared ? `Agreement on ${a.shared} shared: ${numbers.join(", ") || "not measurable yet (10 shared answers needed)"}` : "";
  $("foot").hidden = false;
  $("mode").hidden = !state.adjudicate && found.disagreements === 0;
  $("mode").textContent = state.adjudicate ? "Back to my own answers" : `Settle ${found.disagreements - found.settled} of ${found.disagreements} disagreements`;
}

async function load(first) {
  const found = await call("queue");
  state.places = found.places;
  state.open = new Set(found.open);
  overview(found);
  const next = found.places.findIndex((p) => state.open.has(p));
  state.at = Math.max(first === undefined ? next : found.places.indexOf(first), 0);
  if (next < 0 && first === undefined) return finished();
  await show();
}

function finished() {
  $("work").hidden = true;
  $("done").hidden = false;
  state.item = null;
  $("doneHead").textContent = state.places.length ? "All answered. Thank you." : "Nothing to settle.";
  $("doneWords").textContent = "Every answer is saved. You may close this page.";
  $("look").hidden = !state.places.length;
  $("done").focus();
}

async function show() {
  if (!state.places.length) return finished();
  state.item = await call(`item/${state.places[state.at]}`);
  $("enter").hidden = true;
  $("done").hidden = true;
  $("work").hidden = false;
  state.picked = new Set(state.item.multiple && state.item.answer ? state.item.answer.split(";").map((p) => p.trim()) : []);
  $("count").textContent = `${state.at + 1} of ${state.places.length} · ${state.item.name}`;
  ask();
  $("others").hidden = !state.item.others.length;
  $("others").textContent = `Answers given: ${state.item.others.join("  /  ")}`;
  texts();
  options("");
  $("filter").value = "";
  $("find").hidden = state.item.options.length <= 12;
  $("open").hidden = !state.item.open;
  $("words").value = state.item.open && state.item.answer && !state.item.always.includes(state.item.answer) ? state.item.answer : "";
  $("save").hidden = !(state.item.open || state.item.multiple);
  $("back").disabled = state.at === 0;
  $("skip").disabled = state.at >= state.places.length - 1;
  state.shown = performance.now();
  (state.item.open ? $("words") : $("main")).focus({ preventScroll: true });
}

// the question and, in a list of their own, the meanings that stand behind it in the sample
function ask() {
  const [question, said] = state.item.question.split(" Meanings: ");
  $("question").textContent = question.replace(" of the turn marked >>>?", " of the marked turn?");
  $("meanings").hidden = !said;
  $("meanings").replaceChildren(...(said ? said.replace(/\.$/, "").split("; ") : []).map((part) => {
    const row = document.createElement("div");
    const name = document.createElement("dt");
    const words = document.createElement("dd");
    const at = part.indexOf(": ");
    name.textContent = at < 0 ? part : part.slice(0, at + 2);
    words.textContent = at < 0 ? "" : part.slice(at + 2);
    row.append(name, words);
    return row;
  }));
}

function texts() {
  const pair = state.item.texts.length > 1;
  $("columns").classList.toggle("pair", pair);
  $("texts").classList.toggle("pair", pair);
  $("texts").replaceChildren(...state.item.texts.map((turns, n) => {
    const part = document.createElement("div");
    const head = document.createElement("h3");
    head.textContent = pair ? ["First", "Second"][n] : "What was said";
    const list = document.createElement("ol");
    list.className = "turns";
    list.tabIndex = 0;
    list.setAttribute("aria-label", head.textContent);
    for (const turn of turns) {
      const line = document.createElement("li");
      const name = document.createElement("b");
      name.textContent = turn.speaker + (turn.marked ? " (asked about)" : "");
      if (turn.speaker) line.append(name);
      line.append(turn.text);
      line.classList.toggle("asked", turn.marked);
      list.append(line);
    }
    part.append(head, list);
    return part;
  }));
  const asked = document.querySelector("li.asked");
  if (asked) asked.parentElement.scrollTop = asked.offsetTop - asked.parentElement.offsetTop - 60;
}

function button(text, key, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.append(text);
  if (key) {
    const hint = document.createElement("kbd");
    hint.textContent = key.toUpperCase();
    hint.setAttribute("aria-hidden", "true");
    made.append(hint);
  }
  made.setAttribute("aria-pressed", String(pressed));
  made.addEventListener("click", () => choose(text));
  return made;
}

function visible(filter) {
  return state.item.options.filter((o) => o.toLowerCase().includes(filter.toLowerCase()));
}

function options(filter) {
  const pressed = (o) => (state.item.multiple ? state.picked.has(o) : state.item.answer === o);
  $("options").replaceChildren(...visible(filter).map((o, n) => button(o, n < 9 ? String(n + 1) : "", pressed(o))));
  const more = state.item.multiple ? [button("nothing", "0", state.item.answer === "nothing")] : [];
  $("always").replaceChildren(...more, ...state.item.always.map((o) => button(o, KEYS[o] || "", state.item.answer === o)));
  $("always").hidden = !$("always").children.length;
}

function choose(text) {
  if (state.item.multiple && state.item.options.includes(text)) {
    if (!state.picked.delete(text)) state.picked.add(text);
    options($("filter").value);
    return;
  }
  send(text);
}

function save() {
  if (state.item.multiple) send([...state.picked].join("; ") || "nothing");
  else if ($("words").value.trim()) send($("words").value.trim());
  else trouble(new Error("Write an answer, or choose `cannot tell`."));
}

async function send(answer) {
  if (state.busy || !state.item) return;
  state.busy = true;
  try {
    const place = state.places[state.at];
    const found = await call("answer", { id: state.item.id, answer, seconds: (performance.now() - state.shown) / 1000 });
    state.open.delete(place);
    overview(found);
    trouble(null);
    const after = state.places.findIndex((p, n) => n > state.at && state.open.has(p));
    const next = after >= 0 ? after : state.places.findIndex((p) => state.open.has(p));
    if (next < 0) finished();
    else { state.at = next; await show(); }
  } catch (error) {
    trouble(error);
  } finally {
    state.busy = false;
  }
}

async function undo() {
  const found = await call("undo", {});
  if (found.place === null) return trouble(new Error("There is nothing to take back."));
  trouble(null);
  await load(found.place);
}

async function step(by) {
  const to = state.at + by;
  if (!state.item || to < 0 || to >= state.places.length) return;
  state.at = to;
  await show();
}

function guarded(act) {
  return (event) => {
    if (event) event.preventDefault();
    Promise.resolve(act()).catch(trouble);
  };
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !state.who) return;
  const typing = ["INPUT", "TEXTAREA"].includes(event.target.tagName);
  if (event.key === "Enter" && state.item && (event.target.id === "words" ? !event.shiftKey : !typing && event.target.tagName !== "BUTTON")) {
    if (!$("save").hidden) guarded(save)(event);
    return;
  }
  if (typing) {
    // out of the field, so that the keys of the answers work again
    if (event.key === "Escape") { event.target.blur(); $("main").focus({ preventScroll: true }); }
    return;
  }
  const key = event.key.toLowerCase();
  if (key === "u") return guarded(undo)(event);
  if (!state.item) return;
  if (event.key === "ArrowLeft") return guarded(() => step(-1))(event);
  if (event.key === "ArrowRight") return guarded(() => step(1))(event);
  const always = state.item.always.find((o) => KEYS[o] === key) || (key === "0" && state.item.multiple ? "nothing" : undefined);
  const picked = /^[1-9]$/.test(key) ? visible($("filter").value)[Number(key) - 1] : always;
  if (picked !== undefined) guarded(() => choose(picked))(event);
});

$("enter").addEventListener("submit", guarded(async () => {
  state.who = $("name").value.trim();
  try {
    await load();
    $("enter").hidden = true;
    sessionStorage.setItem("assay-name", state.who);
    trouble(null);
  } catch (error) {
    state.who = "";
    throw error;
  }
}));
$("filter").addEventListener("input", () => options($("filter").value));
$("open").addEventListener("submit", guarded(save));
$("save").addEventListener("click", guarded(save));
$("back").addEventListener("click", guarded(() => step(-1)));
$("skip").addEventListener("click", guarded(() => step(1)));
$("undo").addEventListener("click", guarded(undo));
$("look").addEventListener("click", guarded(() => { state.at = 0; return show(); }));
$("mode").addEventListener("click", guarded(() => { state.adjudicate = !state.adjudicate; trouble(null); return load(); }));
$("name").value = sessionStorage.getItem("assay-name") || "";
