"use strict";
(() => {
  const list = document.getElementById("list");
  if (!list) return;
  const pick = (id) => document.getElementById(id);
  const form = pick("filters");
  const fields = { tier: pick("f-tier"), name: pick("f-name"), goal: pick("f-goal"), code: pick("f-code"), order: pick("f-order"), text: pick("f-text") };
  const sessions = Array.from(list.querySelectorAll("details.session")).map((node) => ({
    node,
    chips: Array.from(node.querySelectorAll(".chip")),
    notes: (node.dataset.notes || "").split(" "),
    words: null,
  }));
  const plural = (n, unit) => `${n.toLocaleString("en")} ${unit}${n === 1 ? "" : "s"}`;

  const wordsOf = (session) => {
    if (session.words === null) {
      const said = Array.from(session.node.querySelectorAll(".text"), (p) => p.textContent);
      session.words = [session.node.id.slice(8), session.node.dataset.goal, ...said].join("\n").toLowerCase();
    }
    return session.words;
  };
  const matches = (chip, want) =>
    (!want.tier || chip.dataset.tier === want.tier) &&
    (!want.name || chip.dataset.name === want.name) &&
    (!want.code || (chip.dataset.codes || "").split(" ").includes(want.code));

  const apply = () => {
    const want = { tier: fields.tier.value, name: fields.name.value, code: fields.code.value };
    const goal = fields.goal.value;
    const text = fields.text.value.trim().toLowerCase();
    const byLabel = Boolean(want.tier || want.name || want.code);
    let shown = 0, labels = 0;
    for (const session of sessions) {
      let hits = 0;
      for (const chip of session.chips) {
        const hit = matches(chip, want);
        hits += hit ? 1 : 0;
        chip.classList.toggle("off", byLabel && !hit);
        chip.classList.toggle("hit", byLabel && hit);
      }
      const loose = Boolean(want.code && !want.tier && !want.name && session.notes.includes(want.code));
      const keep = (hits > 0 || !byLabel || loose) && (!goal || session.node.dataset.goal === goal) && (!text || wordsOf(session).includes(text));
      session.node.hidden = !keep;
      shown += keep ? 1 : 0;
      labels += keep ? hits : 0;
    }
    const some = shown < sessions.length ? `${plural(shown, "session")} of ${sessions.length.toLocaleString("en")}` : plural(shown, "session");
    pick("found").textContent = byLabel ? `${some}, ${plural(labels, "matching label")}` : some;
  };
  const order = () => {
    const key = fields.order.value;
    sessions.sort((a, b) => Number(a.node.dataset[key]) - Number(b.node.dataset[key]));
    list.append(...sessions.map((s) => s.node));
  };

  let waiting = 0;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    clearTimeout(waiting);
    if (event.target === fields.order) order();
    else waiting = setTimeout(apply, event.target === fields.text ? 150 : 0);
  });
  form.addEventListener("reset", () => setTimeout(() => { order(); apply(); }, 0));

  const step = (by) => {
    const visible = sessions.filter((s) => !s.node.hidden);
    if (!visible.length) return;
    const now = visible.findIndex((s) => s.node.contains(document.activeElement));
    const next = now < 0 ? (by > 0 ? 0 : visible.length - 1) : Math.min(Math.max(now + by, 0), visible.length - 1);
    const head = visible[next].node.querySelector("summary");
    head.focus({ preventScroll: true });
    visible[next].node.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && typing) event.target.blur();
    if (typing) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "/") { event.preventDefault(); fields.text.focus(); }
  });

  const open = () => {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { return; }
    const node = document.getElementById(name) || document.getElementById(`session-${name}`);
    if (!node || !node.matches("details.session")) return;
    node.hidden = false;
    node.open = true;
    node.scrollIntoView({ block: "start", behavior: "instant" });
    node.querySelector("summary").focus({ preventScroll: true });
  };
  list.addEventListener("toggle", (event) => {
    const node = event.target;
    if (!node.matches("details.session") || !node.open || location.hash === `#${encodeURIComponent(node.id)}`) return;
    try { history.replaceState(null, "", `#${encodeURIComponent(node.id)}`); } catch { /* some viewers forbid it */ }
  }, true);
  window.addEventListener("hashchange", open);
  order();
  apply();
  open();
})();
