"use strict";
// The page to step through a forward and a backward pass. Position 0 is the start; then one position per operation of
// the forward pass, one for the gradient 1 of the result, and one per step of the chain rule.
const data = JSON.parse(document.getElementById("data").textContent);
const {forward, root} = data;
const nodes = data.nodes.map(([name, kind, operation, formula, value, operands]) =>
  ({name, kind, operation, formula, value, operands}));
const backward = data.backward.map(([node, upstream, rows]) => ({node, upstream,
  rows: rows.map(([node, local, contribution, before, after, k, n]) =>
    ({node, local, contribution, before, after, k, n}))}));
const seed = forward.length + 1;
const last = seed + backward.length;
const byId = id => document.getElementById(id);
const boxes = nodes.map((_, i) => byId("n" + i));
const drawn = nodes.map(() => ({}));  // what each box shows, so that only changes touch the document
const reached = new Set([root, ...backward.flatMap(step => step.rows.filter(r => r.local !== null).map(r => r.node))]);
const breakpoints = new Set();
let position = 0, selected = null, timer = null, scale = 1, settled = false;

// ---- numbers ----

const isBad = x => typeof x === "string";  // nan and the infinities come as text
const exactly = x => (Object.is(x, -0) ? "-0" : String(x));
function short(x) {
  if (isBad(x)) return x;
  if (Number.isInteger(x) && Math.abs(x) < 1e9) return exactly(x);
  const rounded = nearest(x, 4), size = Math.floor(Math.log10(Math.abs(rounded))), decimals = Math.max(1, 3 - size);
  if (size >= -4 && size < 4)
    return Number.isInteger(rounded) ? nearest(x, size + 1 + decimals).toFixed(decimals) : String(rounded);
  const [digits, power] = rounded.toExponential(3).split("e");
  return (size > 0 && rounded !== x ? digits : String(Number(digits))) + "e" + power[0] + power.slice(1).padStart(2, "0");
}
function nearest(x, digits) {  // in so many digits, and half-way the even one, as Python writes; toPrecision goes away from 0
  const [all, power] = x.toExponential(60).split("e"), end = all.indexOf(".") + digits;
  const even = /[02468]$/.test(all.slice(0, end)) && /^50*$/.test(all.slice(end));
  return Number(even ? all.slice(0, end) + "e" + power : x.toPrecision(digits));
}
const factor = x => (short(x)[0] === "-" ? "(" + short(x) + ")" : short(x));

// ---- the state of the graph at a position ----

function stateAt(k) {
  const value = nodes.map(n => n.operation === "");
  const grad = nodes.map(() => null);
  const state = nodes.map(n => (n.operation === "" ? "" : "todo"));
  for (let i = 0; i < Math.min(k, forward.length); i++) { value[forward[i]] = true; state[forward[i]] = ""; }
  if (k >= seed) {
    nodes.forEach((_, i) => { if (!reached.has(i)) grad[i] = 0; });
    grad[root] = 1; state[root] = "final";
  }
  for (let i = seed; i < k; i++) {
    for (const row of backward[i - seed].rows) {
      if (row.local === null) continue;
      grad[row.node] = row.after;
      state[row.node] = row.k < row.n ? "partial" : "final";
    }
  }
  return {value, grad, state};
}

function show(k) {
  if (k !== position) document.querySelector("aside").scrollTop = 0;
  position = Math.max(0, Math.min(last, k));
  const {value, grad, state} = stateAt(position);
  const step = position > seed ? backward[position - seed - 1] : null;
  const current = step ? step.node : position === seed ? root : position > 0 ? forward[position - 1] : null;
  const targets = new Set(step ? step.rows.filter(r => r.local !== null).map(r => r.node) : []);
  nodes.forEach((node, i) => {
    const classes = ["node", node.kind, state[i], i === root ? "root" : "", i === current ? "current" : "",
      targets.has(i) ? "target" : "", breakpoints.has(i) ? "breakpoint" : "", i === selected ? "selected" : "",
      isBad(grad[i]) ? "nan" : ""].filter(Boolean).join(" ");
    put(i, classes, value[i] ? short(node.value) : "·", grad[i] === null ? "∇ ·" : "∇ " + short(grad[i]));
  });
  document.querySelectorAll(".edge.hot, .edge.ahead").forEach(e => e.setAttribute("class", "edge"));
  if (current !== null && position !== seed) {
    const rows = step ? step.rows.map(r => r.local !== null) : nodes[current].operands.map(() => true);
    rows.forEach((flows, j) => {
      const edge = flows && byId("e" + current + "_" + j);
      if (edge) edge.setAttribute("class", step ? "edge hot" : "edge ahead");
    });
  }
  byId("slider").value = position;
  byId("slider").setAttribute("aria-valuetext", where());
  byId("position").textContent = position + " of " + last;
  byId("back").disabled = byId("start").disabled = position === 0;
  byId("backward").disabled = position === seed;
  byId("next").disabled = byId("end").disabled = byId("run").disabled = position === last;
  byId("step").replaceChildren(...describe(step, current));
  byId("status").textContent = spoken(step, current);
  byId("leaves").replaceChildren(...leaves(grad));
  facts(grad, state);
  if (current !== null) reveal(current);
}

function put(i, classes, value, grad) {
  const was = drawn[i], box = boxes[i];
  if (was.classes !== classes) box.setAttribute("class", was.classes = classes);
  if (was.value === value && was.grad === grad) return;
  was.value = value; was.grad = grad;
  box.querySelector(".value").textContent = value;
  const line = box.querySelector(".grad");
  if (line) line.textContent = grad;
  box.setAttribute("aria-label", `${nodes[i].name}, ${value === "·" ? "not computed yet" : "value " + value}` +
    (line ? `, gradient ${grad === "∇ ·" ? "unknown yet" : grad.slice(2)}` : ""));
}

// ---- words ----

function where() {
  if (position === 0) return "start";
  if (position < seed) return `forward pass, operation ${position} of ${forward.length}`;
  if (position === seed) return "backward pass, start";
  return `backward pass, step ${position - seed} of ${backward.length}`;
}

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

const by = name => (/^[\p{L}\p{N}_.\[\]]+$/u.test(name) ? "∂" + name : `∂(${name})`);
const progress = row =>
  (row.k < row.n ? `partial: path ${row.k} of ${row.n}` : row.n > 1 ? `final: path ${row.k} of ${row.n}` : "final");

function equation(i) {
  const {name, formula, value} = nodes[i];
  return name === formula ? `${name} = ${short(value)}` : `${name} = ${formula} = ${short(value)}`;
}

function describe(step, current) {
  const made = [element("p", where()[0].toUpperCase() + where().slice(1), "phase")];
  const top = nodes[root].name;
  if (position === 0) {
    made.push(element("h2", "The graph before anything is computed"),
      element("p", "Next computes one operation after the other, from the leaves to the result. " +
        "Then the gradients come back, one use of the chain rule at a time. " +
        "Click a node for its facts, and to set a breakpoint."));
  } else if (position < seed) {
    made.push(element("h2", equation(current), "formula"));
    const rows = [];
    for (const operand of new Set(nodes[current].operands)) {
      if (nodes[operand].kind === "constant") continue;
      const row = element("tr"), name = element("th", nodes[operand].name);
      name.scope = "row";
      row.append(name, element("td", "= " + short(nodes[operand].value)));
      rows.push(row);
    }
    made.push(...folded(rows, some => { const table = element("table"); table.append(...some); return [table]; }));
  } else if (position === seed) {
    made.push(element("h2", `${by(top)}/${by(top)} = 1`, "formula"),
      element("p", "The gradient of the result by itself. From here it is handed back to the operands."));
  } else {
    made.push(element("h2", equation(current), "formula"),
      element("p", `upstream: ${by(top)}/${by(nodes[current].name)} = ${short(step.upstream)}`),
      element("p", "operand += upstream × local derivative", "small"));
    const cards = [];
    for (const row of step.rows) {
      if (nodes[row.node].kind === "constant") continue;
      const card = element("div", undefined, "rule");
      if (row.local === null) {
        card.classList.add("none");
        card.append(element("p", nodes[row.node].name, "strong"),
          element("p", "nothing: this operand was not selected", "small"));
      } else {
        const line = element("p");
        line.append(element("span", nodes[row.node].name, "strong"), " += ",
          `${short(step.upstream)} × ${factor(row.local)} = `,
          element("span", short(row.contribution), isBad(row.contribution) ? "bad" : "strong"));
        card.append(line, element("p", `gradient ${short(row.before)} → ${short(row.after)}, ${progress(row)}`));
      }
      cards.push(card);
    }
    made.push(...folded(cards, some => some));
  }
  return made;
}

const few = 20;  // operands shown of a node with many, as in the tables of steps
function folded(rows, wrap) {  // the first and the last of many, and between them the others to unfold
  if (rows.length <= few + 1) return wrap(rows);
  const fold = element("details"), others = rows.slice(few / 2, -few / 2);
  fold.append(element("summary", `${others.length.toLocaleString("en")} more operands`), ...wrap(others));
  return [...wrap(rows.slice(0, few / 2)), fold, ...wrap(rows.slice(-few / 2))];
}

function spoken(step, current) {
  if (position === 0 || position === seed) return where();
  if (!step) return `${where()}: ${equation(current)}`;
  const parts = step.rows.filter(r => r.local !== null).slice(0, 4).map(r =>
    `${nodes[r.node].name} gets ${short(step.upstream)} times ${short(r.local)} = ${short(r.contribution)}, ` +
    `its gradient is ${short(r.after)}, ${progress(r)}`);
  return `${where()}, through ${nodes[current].name}: ${parts.join("; ")}`;
}

function leaves(grad) {
  const table = element("table"), head = element("tr");
  for (const title of ["leaf", "value", "gradient"]) { const th = element("th", title); th.scope = "col"; head.append(th); }
  table.append(head);
  nodes.forEach((node, i) => {
    if (node.kind !== "leaf" && node.kind !== "parameter") return;
    const row = element("tr"), name = element("th", node.name);
    name.scope = "row";
    row.append(name, element("td", short(node.value)),
      element("td", grad[i] === null ? "·" : short(grad[i]), isBad(grad[i]) ? "bad" : ""));
    table.append(row);
  });
  return [element("h2", "Leaves"), table];
}

function facts(grad, state) {
  const section = byId("facts");
  section.hidden = selected === null;
  if (selected === null) return;
  const node = nodes[selected], list = element("dl");
  const known = state[selected] !== "todo";
  const rows = [["value", known ? exactly(node.value) : "not computed yet"]];
  const waits = reached.has(selected) ? "no contribution yet" : "no gradient: not selected";
  if (node.kind !== "constant") rows.push(["gradient", grad[selected] === null ? "unknown yet" : exactly(grad[selected])],
    ["state", ["partial", "final"].includes(state[selected]) ? state[selected] : waits]);
  if (node.operation) rows.unshift(["operation", node.operation], ["formula", node.formula]);
  for (const [term, text] of rows) {
    const dd = element("dd", text, isBad(text) && /^(nan|-?inf)$/.test(text) ? "bad" : "");
    dd.dataset.fact = term;
    list.append(element("dt", term), dd);
  }
  const stop = element("button", breakpoints.has(selected) ? "Remove breakpoint" : "Set breakpoint");
  stop.id = "breakpoint";
  stop.onclick = () => toggle(selected);
  const close = element("button", "Close");
  close.onclick = () => select(null);
  const buttons = element("div", undefined, "buttons");
  buttons.append(stop, close);
  section.replaceChildren(element("h2", node.name), list, buttons);
}

// ---- moving ----

function reveal(i) {
  const area = byId("area"), seen = area.getBoundingClientRect(), box = boxes[i].getBoundingClientRect();
  const margin = 30;
  const inside = box.left > seen.left + margin && box.right < seen.right - margin &&
    box.top > seen.top + margin && box.bottom < seen.bottom - margin;
  if (inside) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || timer !== null || !settled;
  area.scrollTo({left: area.scrollLeft + box.left + box.width / 2 - seen.left - seen.width / 2,
    top: area.scrollTop + box.top + box.height / 2 - seen.top - seen.height / 2, behavior: calm ? "instant" : "smooth"});
}

function stops(k) {
  if (k < seed) return k > 0 && breakpoints.has(forward[k - 1]);
  if (k === seed) return breakpoints.has(root);
  const step = backward[k - seed - 1];
  return breakpoints.has(step.node) || step.rows.some(r => r.local !== null && breakpoints.has(r.node));
}

function run() {
  let k = position + 1;
  while (k < last && !stops(k)) k++;
  show(k);
}

function play(on) {
  clearInterval(timer);
  timer = on && position < last ? setInterval(() => { show(position + 1); if (position === last) play(false); }, 900) : null;
  byId("play").textContent = timer === null ? "Play" : "Pause";
  byId("play").setAttribute("aria-pressed", String(timer !== null));
}

function select(i) {
  if (i === null && selected !== null) boxes[selected].setAttribute("tabindex", "-1");
  selected = i;
  show(position);
  if (i !== null) byId("facts").scrollIntoView({block: "nearest"});
}

function toggle(i) {
  if (nodes[i].kind === "constant") return;
  if (!breakpoints.delete(i)) breakpoints.add(i);
  show(position);
}

function zoom(to) {
  scale = Math.max(0.1, Math.min(3, to));
  const svg = byId("graph"), box = svg.viewBox.baseVal;
  svg.setAttribute("width", box.width * scale);
  svg.setAttribute("height", box.height * scale);
}

function fitting() {
  const area = byId("area"), box = byId("graph").viewBox.baseVal;
  return Math.min((area.clientWidth - 24) / box.width, (area.clientHeight - 24) / box.height);
}

function walk(by) {
  const at = boxes.indexOf(document.activeElement);
  const to = at < 0 ? (selected ?? 0) : Math.max(0, Math.min(nodes.length - 1, at + by));
  if (at >= 0) boxes[at].setAttribute("tabindex", "-1");
  boxes[to].setAttribute("tabindex", "0");
  boxes[to].focus();
}

// ---- buttons, keys, clicks ----

const move = k => { play(false); show(k); };
byId("start").onclick = () => move(0);
byId("back").onclick = () => move(position - 1);
byId("next").onclick = () => move(position + 1);
byId("end").onclick = () => move(last);
byId("backward").onclick = () => move(seed);
byId("run").onclick = () => { play(false); run(); };
byId("play").onclick = () => play(timer === null);
byId("slider").max = last;
byId("slider").oninput = e => move(Number(e.target.value));
byId("smaller").onclick = () => zoom(scale / 1.25);
byId("larger").onclick = () => zoom(scale * 1.25);
byId("fit").onclick = () => zoom(fitting());
byId("theme").onclick = () => {
  const themes = ["auto", "light", "dark"], page = document.documentElement;
  const theme = themes[(themes.indexOf(page.dataset.theme || "auto") + 1) % 3];
  if (theme === "auto") delete page.dataset.theme; else page.dataset.theme = theme;
  byId("theme").textContent = "Theme: " + theme;
};
boxes.forEach((box, i) => {
  box.setAttribute("role", "button");
  box.setAttribute("tabindex", "-1");
  box.addEventListener("click", () => select(i === selected ? null : i));
});

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target, at = boxes.indexOf(target);
  const onSlider = target.id === "slider", onControl = target.closest("button, summary") !== null;
  const inGraph = byId("area").contains(target);
  const keys = {r: () => { play(false); run(); }, g: () => move(seed), "+": () => zoom(scale * 1.25), "-": () => zoom(scale / 1.25),
    0: () => zoom(fitting())};
  if (!onSlider) Object.assign(keys, {ArrowRight: () => move(position + 1), ArrowLeft: () => move(position - 1),
    Home: () => move(0), End: () => move(last)});
  if (!onControl) keys[" "] = () => play(timer === null);
  if (inGraph) Object.assign(keys, {ArrowDown: () => walk(1), ArrowUp: () => walk(-1)});
  if (at >= 0) keys.Enter = () => select(at === selected ? null : at);
  if (at >= 0 || selected !== null) keys.b = () => toggle(at >= 0 ? at : selected);
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); act(); }
});

zoom(Math.max(0.9, Math.min(1.3, fitting())));
show(Number((location.hash.match(/step=(\d+)/) || [0, data.at])[1]));
settled = true;  // what is shown first is there at once
addEventListener("resize", () => show(position));  // a phone that is turned
