// The page of a step-through: computes all arrays from their formulas, shows one number of one formula at a time.
// D: leaves (arrays as base64), shapes, labels, steps of assignments {a, t, l, x, s, w, m}, gradients, cost. See page.py.
const $ = id => document.getElementById(id), S = D.shapes, V = [], BOUND = ["sum", "largest", "argmax"];
const sizeOf = shape => shape.reduce((a, b) => a * b, 1), made = {}, sourceOf = {};
for (const leaf of D.leaves) {
  const bytes = Uint8Array.from(atob(leaf.d), c => c.charCodeAt(0)).buffer;
  V[leaf.n] = Float64Array.from(new ({f4: Float32Array, f8: Float64Array, i4: Int32Array})[leaf.k](bytes));
}
for (const [array, gradient] of Object.entries(D.gradients)) sourceOf[gradient] = +array;
const whole = v => v % 1 === 0 ? v : -1;
const F = { // operation: [value, slopes from result and operands]
  "+": [(a, b) => a + b, () => [1, 1]], "-": [(a, b) => a - b, () => [1, -1]], "*": [(a, b) => a * b, (y, a, b) => [b, a]],
  "/": [(a, b) => a / b, (y, a, b) => [1 / b, -y / b]], "**": [Math.pow, (y, a, b) => [b * a ** (b - 1), 0]],
  "//": [(a, b) => Math.floor(a / b), () => [0, 0]], "%": [(a, b) => a % b, () => [0, 0]],
  "==": [(a, b) => +(a === b), () => [0, 0]], ">": [(a, b) => +(a > b), () => [0, 0]], "<": [(a, b) => +(a < b), () => [0, 0]],
  neg: [a => -a, () => [-1]], exp: [Math.exp, y => [y]], ln: [Math.log, (y, a) => [1 / a]], tanh: [Math.tanh, y => [1 - y * y]],
  sigmoid: [a => a < 0 ? Math.exp(a) / (1 + Math.exp(a)) : 1 / (1 + Math.exp(-a)), y => [y * (1 - y)]],
  abs: [Math.abs, (y, a) => [Math.sign(a)]], maximum: [Math.max, (y, a, b) => [+(a >= b), +(a < b)]],
  where: [(c, a, b) => c ? a : b, (y, c) => [0, c ? 1 : 0, c ? 0 : 1]]};

// A formula as loops over all of its numbers.
function compile(as) {
  const readers = {};
  let count = 0;
  const loops = over => over.map(([n, size]) => `for(let ${n}=0;${n}<${size};${n}++){`).join("");
  const code = (t, before, outside) => {
    if (!Array.isArray(t)) return typeof t === "number" ? `(${t})` : t;
    const [kind, ...parts] = t;
    if (kind === "at") {
      const no = as.s[parts[0]];
      if (!S[no].length) return `V[${no}][0]`;
      readers[no] = 1;
      const at = parts[1].map(i => JSON.stringify(i).includes('"/"') ? `whole(${code(i, before, 0)})` : code(i, before, 0));
      return `r${no}(${at},${outside})`;
    }
    if (BOUND.includes(kind)) {
      const s = "s" + count++, inner = [], over = parts.at(-1);
      const body = code(parts[0], inner, kind === "sum" ? 0 : "-Infinity");
      const place = kind === "argmax" ? code(parts[1], inner, 0) : "";
      const step = kind === "sum" ? `${s}+=${body};` : `const y=${body};if(y>${s}){${s}=y;${place && `p${s}=${place};`}}`;
      before.push(`let ${s}=${kind === "sum" ? 0 : "-Infinity"},p${s}=0;${loops(over)}${inner.join("")}${step}${"}".repeat(over.length)}`);
      return (place && "p") + s;
    }
    const operands = parts.map(p => code(p, before, outside));
    return "+-*/".includes(kind) ? `(${operands.join(kind)})` : `F["${kind}"][0](${operands})`;
  };
  const before = [], value = code(as.x, before, 0);
  let head = "";
  for (const no of Object.keys(readers)) {
    const names = S[no].map((_, i) => "i" + i);
    const flat = names.reduce((text, name, i) => i ? `(${text})*${S[no][i]}+${name}` : name, "");
    head += `const A${no}=V[${no}],r${no}=(${names},o)=>${names.map((x, i) => `${x}>=0&&${x}<${S[no][i]}`).join("&&")}?A${no}[${flat}]:o;`;
  }
  const source = `${head}const y0=new Float64Array(${sizeOf(S[as.a])});let p0=0;${loops(as.l)}${before.join("")}y0[p0++]=${value};${"}".repeat(as.l.length)}return y0`;
  as.run = new Function("V", "F", "whole", source);
}
const forward = [];
D.steps.forEach((step, i) => step.as.forEach(as => {
  compile(as);
  V[as.a] = as.run(V, F, whole);
  made[as.a] = {i, as};
  if (!step.back) forward.push(as);
}));

const flatOf = (shape, index) => index.reduce((sum, i, d) => sum * shape[d] + i, 0);
const indexOf = (shape, flat) => {
  const index = [];
  for (let d = shape.length - 1; d >= 0; d--) { index[d] = flat % shape[d]; flat = Math.floor(flat / shape[d]); }
  return index;
};
const used = t => !Array.isArray(t) ? [] : [...(t[0] === "at" ? [t[1]] : []), ...t.flatMap(used)];

// C with one number changed: all that is computed from it is computed again.
function costWith(no, flat, value) {
  const W = V.slice(), changed = new Set([no]);
  W[no] = V[no].slice();
  W[no][flat] = value;
  for (const as of forward) {
    as.used ??= used(as.x).map(name => as.s[name]);
    if (as.a !== no && as.used.some(n => changed.has(n))) { W[as.a] = as.run(W, F, whole); changed.add(as.a); }
  }
  return W[D.cost][0];
}
function difference(no, flat) {
  const v = V[no][flat], h = 1e-5 * Math.max(1, Math.abs(v)), C = V[D.cost][0];
  const up = costWith(no, flat, v + h), down = costWith(no, flat, v - h), left = (C - down) / h, right = (up - C) / h;
  const kink = Math.abs(right - left) > 1e-3 * Math.max(Math.abs(left), Math.abs(right), 1e-9);
  return {central: (up - down) / (2 * h), gradient: V[D.gradients[no]][flat], left, right, kink};
}

// One number and what it is made of.
function scalar(as, t, at, outside) {
  if (!Array.isArray(t)) return {v: typeof t === "string" ? at[t] : t, kids: []};
  const [kind, ...parts] = t;
  if (kind === "at") {
    const no = as.s[parts[0]], index = parts[1].map(i => scalar(as, i, at, 0).v);
    if (!index.every((i, d) => i >= 0 && i < S[no][d] && i % 1 === 0)) return {v: outside, kids: [], out: true};
    return {v: V[no][flatOf(S[no], index)], kids: [], name: parts[0], no, index};
  }
  if (BOUND.includes(kind)) {
    const over = parts.at(-1), kids = [], places = [], total = sizeOf(over.map(o => o[1]));
    for (let flat = 0; flat < total; flat++) {
      const index = indexOf(over.map(o => o[1]), flat), inner = {...at};
      over.forEach(([name], d) => inner[name] = index[d]);
      const kid = scalar(as, parts[0], inner, kind === "sum" ? 0 : -Infinity);
      if (kid.out) continue;
      kids.push(kid);
      places.push(kind === "argmax" ? scalar(as, parts[1], inner, 0).v : 0);
    }
    if (kind === "sum") return {op: kind, v: kids.reduce((sum, k) => sum + k.v, 0), kids, slopes: kids.map(() => 1)};
    const best = kids.reduce((b, k, i) => k.v > kids[b].v ? i : b, 0);
    return {op: kind, v: kind === "argmax" ? places[best] : kids[best].v, kids, slopes: kids.map((_, i) => +(kind === "largest" && i === best))};
  }
  const kids = parts.map(p => scalar(as, p, at, outside));
  if (kind === "*" && kids.some(k => k.out)) return {v: outside, kids: [], out: true};
  if (kind === "+" && kids.some(k => k.out)) return kids[kids[0].out ? 1 : 0];
  const values = kids.map(k => k.v), v = F[kind][0](...values);
  return {op: kind, v, kids, slopes: F[kind][1](v, ...values)};
}
function flow(node, gradient) {
  node.g = gradient + 0;
  node.kids.forEach((kid, i) => flow(kid, gradient * node.slopes[i]));
}
function unfold(as, index) {
  const at = {};
  as.l.forEach(([name], d) => at[name] = index[d]);
  let node = scalar(as, as.x, at, 0);
  if (node.no !== undefined || node.out) node = {op: "same", v: node.v, kids: [node], slopes: [1]};
  Object.assign(node, {name: as.t, no: as.a, index});
  if (D.gradients[as.a] !== undefined) flow(node, V[D.gradients[as.a]][flatOf(S[as.a], index)]);
  return node;
}
// What a number is made of; a product with a comparison that fails does not count.
const fails = node => node.op === "*" && node.kids.some(k => k.op === "==" && !k.v);
const leavesOf = node => node.kids.length ? node.kids.filter(k => !fails(k)).flatMap(leavesOf) : [node];

// Text.
const show = (v, digits = 4) => Number.isInteger(v) && Math.abs(v) < 1e6 ? String(v) : String(+v.toPrecision(digits));
const nameOf = n => n === "da0" || n === "da1" ? "\u03b4" + n[2] : n.length > 1 && n[0] === "d" ? "\u2202C/\u2202" + n.slice(1) : n;
const labelOf = n => nameOf(n.name) + (n.index.length ? `[${n.index.join(",")}]` : "");
const RANK = {"==": 0, ">": 0, "<": 0, "+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": 3};
const most = (node, count) => {
  const kids = node.kids.filter(k => k.v !== 0 || node.op !== "sum");
  return kids.length > count ? kids.sort((a, b) => Math.abs(b.v) - Math.abs(a.v)).slice(0, count) : kids;
};
function put(node) { // [text, precedence]
  if (!node.kids.length) return [show(node.v).replace("-", "\u2212"), node.v < 0 ? 0 : 9];
  if (node.op === "same") return put(node.kids[0]);
  if (BOUND.includes(node.op)) {
    const shown = most(node, 8), parts = shown.map(put), rest = node.kids.length - shown.length;
    const zeros = rest && node.kids.every(k => k.v === 0 || shown.includes(k)) ? "zeros" : "more";
    if (node.op !== "sum") return [`${node.op}(${parts.map(p => p[0]).join(", ")}${rest ? `, ${rest} more` : ""})`, 9];
    return [[...parts.map(([p, r]) => r < 1 || p[0] === "\u2212" ? `(${p})` : p), ...(rest ? [`${rest} ${zeros}`] : [])].join(" + "), 1];
  }
  const parts = node.kids.map(put), rank = RANK[node.op];
  if (node.op === "neg") return ["\u2212" + (parts[0][1] > 1 ? parts[0][0] : `(${parts[0][0]})`), 2];
  if (rank === undefined) return [`${node.op}(${parts.map(p => p[0]).join(", ")})`, 9];
  const sign = {"*": "\u00b7", "**": "^", "==": "=", "-": "\u2212"}[node.op] ?? node.op, [[a, p], [b, q]] = parts;
  const first = p < rank || (rank === 3 && p === 3) ? `(${a})` : a;
  return [`${first} ${sign} ${q < rank || (q === rank && "-/".includes(node.op)) ? `(${b})` : b}`, rank];
}

// Pictures of arrays: images side by side, the leading indices those of the chosen number; vectors in lines.
function layout(shape, width) {
  const r = shape.length, image = r > 1 && shape[r - 1] > 1 && shape[r - 2] > 1, n = sizeOf(shape);
  let best;
  if (!image) {
    const W = n > 60 ? Math.ceil(Math.sqrt(n)) : Math.min(n, 20, Math.max(1, Math.floor(width / 46))), H = Math.ceil(n / W);
    return {W, H, tiles: 1, columns: 1, cell: Math.max(1, Math.min(52, Math.floor((n > 60 ? Math.min(width - 2, 380) : width - 2) / W))), image, n};
  }
  const H = shape[r - 2], W = shape[r - 1], tiles = r > 2 ? shape[r - 3] : 1;
  for (let columns = 1; columns <= tiles; columns++) {
    const rows = Math.ceil(tiles / columns), cell = Math.min(52, Math.floor((width - 2 - 4 * (columns - 1)) / (columns * W)), Math.floor((380 - 4 * rows) / (rows * H)));
    if (!best || cell > best.cell) best = {W, H, tiles, columns, cell, image, n};
  }
  best.cell = Math.max(1, best.cell);
  return best;
}
const colours = () => ["low", "zero", "high"].map(n => getComputedStyle(document.documentElement).getPropertyValue("--" + n).split(",").map(Number));
function draw(canvas, no, index, marked) {
  const shape = S[no], lay = layout(shape, canvas.parentElement.clientWidth - 34), {W, H, cell, columns, tiles} = lay;
  const width = columns * W * cell + 4 * (columns - 1) + 2, height = Math.ceil(tiles / columns) * (H * cell + 4) - 2, ratio = devicePixelRatio || 1;
  canvas.width = width * ratio; canvas.height = height * ratio;
  canvas.style.width = width + "px";
  const pen = canvas.getContext("2d"), data = V[no], [low, zero, high] = colours();
  pen.scale(ratio, ratio);
  let top = 1e-300;
  for (const v of data) if (Math.abs(v) > top) top = Math.abs(v);
  const area = lay.image ? W * H : lay.n, lead = lay.image ? Math.floor(flatOf(shape, index) / (area * tiles)) * area * tiles : 0;
  const style = getComputedStyle(document.documentElement), text = style.getPropertyValue("--text"), mark = style.getPropertyValue("--mark");
  const corner = flat => {
    const t = Math.floor((flat - lead) / area), p = (flat - lead) % area;
    return t < 0 || t >= tiles ? null : [1 + (t % columns) * (W * cell + 4) + (p % W) * cell, 1 + Math.floor(t / columns) * (H * cell + 4) + Math.floor(p / W) * cell];
  };
  pen.font = "12px ui-monospace, monospace"; pen.textAlign = "center"; pen.textBaseline = "middle";
  for (let flat = lead; flat < Math.min(lead + area * tiles, data.length); flat++) {
    const share = Math.min(1, Math.abs(data[flat]) / top) ** .7, to = data[flat] < 0 ? low : high, [x, y] = corner(flat);
    const colour = zero.map((z, i) => Math.round(z + share * (to[i] - z)));
    pen.fillStyle = `rgb(${colour})`;
    pen.fillRect(x, y, cell, cell);
    if (cell >= 36) {
      pen.fillStyle = .299 * colour[0] + .587 * colour[1] + .114 * colour[2] > 125 ? "#000" : "#fff";
      pen.fillText(show(data[flat], 2), x + cell / 2, y + cell / 2, cell - 4);
    }
  }
  pen.lineWidth = cell > 8 ? 2 : 1;
  pen.strokeStyle = pen.fillStyle = mark;
  for (const flat of marked) {
    const at = corner(flat);
    if (at && cell > 5) pen.strokeRect(at[0] + .5, at[1] + .5, cell - 1, cell - 1);
    else if (at) { pen.globalAlpha = .5; pen.fillRect(...at, cell, cell); pen.globalAlpha = 1; }
  }
  if (canvas.classList.contains("pick")) {
    const at = corner(flatOf(shape, index));
    pen.lineWidth = 3; pen.strokeStyle = text;
    if (at) pen.strokeRect(at[0], at[1], cell, cell);
  }
  canvas.pick = event => {
    const box = canvas.getBoundingClientRect(), scale = width / box.width, x = (event.clientX - box.left) * scale - 1, y = (event.clientY - box.top) * scale - 1;
    const column = Math.floor(x / (W * cell + 4)), row = Math.floor(y / (H * cell + 4)), i = Math.floor((x - column * (W * cell + 4)) / cell), j = Math.floor((y - row * (H * cell + 4)) / cell);
    const t = row * columns + column, flat = lead + t * area + j * W + i;
    return i >= 0 && i < W && j >= 0 && j < H && t < tiles && column < columns && flat < data.length ? indexOf(shape, flat) : null;
  };
}

// What is shown: step i, formula f of it, the number at index.
let now = {i: 0, f: 0, index: []};
const current = () => D.steps[now.i].as[now.f];
function chosen(as) {
  const data = V[D.gradients[as.a] ?? as.a];
  let best = 0;
  for (let flat = 0; flat < data.length; flat++) if (Math.abs(data[flat]) > Math.abs(data[best])) best = flat;
  return indexOf(S[as.a], best);
}
function go(i, f = 0, index, focus) {
  i = Math.max(0, Math.min(D.steps.length - 1, i));
  f = Math.max(0, Math.min(D.steps[i].as.length - 1, f));
  now = {i, f, index: index ?? chosen(D.steps[i].as[f])};
  render();
  history.replaceState(null, "", `#${i + 1}/${f + 1}/${now.index.join(",")}`);
  if (focus) { $("title").focus({preventScroll: true}); scrollTo(0, 0); }
}
function element(tag, text, more = {}) { return Object.assign(document.createElement(tag), {textContent: text, ...more}); }

function render() {
  const step = D.steps[now.i], as = current(), node = unfold(as, now.index), flat = flatOf(S[as.a], now.index);
  $("way").textContent = `${step.back ? "Backward" : "Forward"}, step ${now.i + 1} of ${D.steps.length}`;
  $("title").textContent = step.title;
  $("where").value = now.i;
  $("progress").max = D.steps.length; $("progress").value = now.i + 1;
  $("prev").disabled = now.i === 0; $("next").disabled = now.i === D.steps.length - 1;
  $("formulas").replaceChildren(...step.as.map((each, f) => {
    const button = element("button", "");
    button.innerHTML = each.m;
    button.prepend(element("small", each.w));
    button.setAttribute("aria-pressed", f === now.f);
    button.onclick = () => { go(now.i, f); $("formulas").children[f].focus(); };
    return button;
  }));
  $("index").replaceChildren(...as.l.map(([name, size], d) => {
    const label = element("label", name + " "), input = element("input", "", {type: "number", min: 0, max: size - 1, value: now.index[d]});
    input.onchange = () => {
      const index = [...now.index];
      index[d] = Math.max(0, Math.min(size - 1, Math.round(+input.value) || 0));
      go(now.i, now.f, index);
      $("index").querySelectorAll("input")[d].focus();
    };
    label.append(input);
    return label;
  }));
  $("value").textContent = `${labelOf(node)} = ${show(node.v, 8)}`;
  $("put").textContent = `= ${put(node)[0]}`;
  const source = sourceOf[as.a] ?? as.a;
  if (D.gradients[source] === undefined) $("check").textContent = "";
  else {
    const d = difference(source, flat), gradient = `\u2202C/\u2202(${source === as.a ? labelOf(node) : "this number"}) = ${show(d.gradient, 8)}`;
    $("check").textContent = source !== as.a ? `The central difference (C(p+h) \u2212 C(p\u2212h)) / 2h confirms it: ${show(d.central, 8)}` : `${gradient}; the central difference (C(p+h) \u2212 C(p\u2212h)) / 2h = ${show(d.central, 8)}`;
    if (d.kink) $("check").textContent = `${gradient}; C has a kink here, its slope is ${show(d.left, 6)} below and ${show(d.right, 6)} above.`;
  }
  // Arrays: the result, and what the formula reads with what this number reads of it.
  const leaves = leavesOf(node), names = [...new Set(used(as.x))].filter(name => S[as.s[name]].length).sort((a, b) => sizeOf(S[as.s[b]]) - sizeOf(S[as.s[a]]));
  $("arrays").replaceChildren();
  const add = (name, no, index, marked, isResult) => {
    const box = element("section", "", {className: isResult && (sizeOf(S[no]) > 1000 || S[no].length < 3 && sizeOf(S[no]) > 10) ? "wide" : ""}), canvas = element("canvas", "", {className: isResult || made[no] ? "pick" : ""});
    box.append(element("h3", `${isResult ? "Result " : ""}${nameOf(name)}: ${S[no].join(" \u00d7 ") || "one number"}${isResult ? "" : `, ${D.labels[no].replace("delta", "\u03b4")}`}`), canvas);
    $("arrays").append(box);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${nameOf(name)}, ${S[no].join(" by ")}; ${isResult ? `chosen: ${labelOf(node)} = ${show(node.v)}` : `${marked.length} numbers are read`}`);
    if (isResult) { canvas.tabIndex = 0; canvas.id = "result"; canvas.onkeydown = keys; }
    if (!isResult) canvas.classList.remove("pick");
    draw(canvas, no, index, marked);
    canvas.onclick = event => {
      const index = canvas.pick(event);
      if (!index) return;
      if (isResult) { go(now.i, now.f, index); $("result").focus({preventScroll: true}); }
      else if (made[no]) go(made[no].i, D.steps[made[no].i].as.indexOf(made[no].as), index, true);
    };
  };
  if (S[as.a].length) add(as.t, as.a, now.index, [], true);
  for (const name of names) {
    const no = as.s[name], own = leaves.filter(leaf => leaf.no === no);
    add(name, no, own[0]?.index ?? S[no].map(() => 0), own.map(leaf => flatOf(S[no], leaf.index)), false);
  }
  const list = element("ul", "");
  list.append(branch(node, true));
  $("tree").replaceChildren(list);
  matrix(step, as);
}

function branch(node, open) {
  const item = element("li", "", {className: node.kids.length > 1 && node.kids.every(k => !k.kids.length) && !BOUND.includes(node.op) ? "flat" : ""}), gradient = node.g === undefined ? [] : [" ", element("span", `\u2202C ${show(node.g)}`, {className: "flow"})];
  if (node.name !== undefined && !open) {
    const origin = made[node.no], button = element("button", `${labelOf(node)} = ${show(node.v)}`);
    item.append(button, ...gradient);
    if (origin) {
      button.setAttribute("aria-expanded", false);
      button.append(" +");
      button.onclick = () => {
        const old = item.querySelector("ul");
        button.setAttribute("aria-expanded", !old);
        button.lastChild.textContent = old ? " +" : " \u2212";
        if (old) return old.remove();
        const inner = unfold(origin.as, node.index);
        if (node.g !== undefined && origin) flow(inner, node.g);
        const list = element("ul", "");
        list.append(element("li", origin.as.w ? `${D.steps[origin.i].title}: ${origin.as.w}` : D.steps[origin.i].title, {className: "soft"}), ...kids(inner));
        item.append(list);
      };
    } else { button.disabled = true; button.title = D.labels[node.no]; }
    return item;
  }
  const sign = {"*": "\u00d7", sum: "\u03a3", same: "=", neg: "\u2212", "**": "^", "-": "\u2212", "==": "="}[node.op] ?? node.op;
  item.append(...(node.name === undefined ? [] : [element("b", `${labelOf(node)} `)]), ...(node.op ? [element("i", sign), " "] : []), show(node.v), ...gradient);
  if (node.kids.length) { const list = element("ul", ""); list.append(...kids(node)); item.append(list); }
  return item;
}
function kids(node) {
  const shown = BOUND.includes(node.op) ? most(node, 12) : node.kids, rest = node.kids.length - shown.length;
  const items = shown.map(kid => branch(kid, false));
  if (rest) items.push(element("li", `\u2026 and ${rest} more${node.op === "sum" ? `, together ${show(node.v - shown.reduce((s, k) => s + k.v, 0))}` : ""}`, {className: "soft"}));
  return items;
}

// A convolution as a matrix: a row for each number of a map, a column for each of the input.
function matrix(step, as) {
  const c = step.conv;
  $("matrix").hidden = !c || as.t !== "a1";
  if ($("matrix").hidden) return;
  const x = as.s.a0, w = as.s.w, [N, C, H, W] = S[x], [O, , L, M] = S[w], [, , J, K] = S[as.a], [n, o] = now.index, channel = 0;
  const row = (o, j, k, take) => {
    for (let ch = 0; ch < C; ch++) for (let l = 0; l < L; l++) for (let m = 0; m < M; m++) {
      const h = j * c.s[0] + l * c.d[0] - c.p[0], v = k * c.s[1] + m * c.d[1] - c.p[1];
      if (h >= 0 && h < H && v >= 0 && v < W) take((ch * H + h) * W + v, V[w][((o * C + ch) * L + l) * M + m]);
    }
  };
  let worst = 0, entries = 0;
  for (let r = 0; r < O * J * K; r++) {
    const [q, j, k] = indexOf([O, J, K], r);
    let sum = as.s.b === undefined ? 0 : V[as.s.b][q];
    row(q, j, k, (column, weight) => { sum += weight * V[x][n * C * H * W + column]; entries++; });
    worst = Math.max(worst, Math.abs(sum - V[as.a][n * O * J * K + r]));
  }
  const canvas = $("matrix").querySelector("canvas"), [low, zero, high] = colours(), P = H * W;
  canvas.width = P; canvas.height = J * K;
  const pen = canvas.getContext("2d"), image = pen.createImageData(P, J * K);
  let top = 1e-300;
  for (let i = o * C * L * M; i < (o + 1) * C * L * M; i++) top = Math.max(top, Math.abs(V[w][i]));
  for (let i = 0; i < P * J * K; i++) image.data.set([...zero, 255], 4 * i);
  for (let j = 0; j < J; j++) for (let k = 0; k < K; k++) row(o, j, k, (column, weight) => {
    if (Math.floor(column / P) !== channel) return;
    const to = weight < 0 ? low : high, share = .25 + .75 * Math.abs(weight) / top;
    image.data.set(zero.map((z, i) => z + share * (to[i] - z)), 4 * ((j * K + k) * P + column));
  });
  pen.putImageData(image, 0, 0);
  const count = v => v.toLocaleString("en");
  $("sparse").textContent = `The maps are W a + b with a matrix W of ${count(O * J * K)} rows, one for each number of the ${O} maps, and ${count(C * P)} columns, one for each number of the input. Of its ${count(O * J * K * C * P)} weights ${count(entries)} are not 0, and only ${count(O * C * L * M)} are different: all rows of a map share them. Multiplied out it gives the convolution (largest difference ${worst.toExponential(1)}). Below: the rows of map ${o}, the columns of channel ${channel}.`;
  canvas.setAttribute("aria-label", `The ${J * K} rows of map ${o} and ${P} columns of channel ${channel}: diagonal bands of ${L * M} shared weights`);
}

function keys(event) { // in the picture of the result
  const shape = S[current().a], lay = layout(shape, $("result").parentElement.clientWidth - 34), by = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -lay.W, ArrowDown: lay.W}[event.key];
  if (!by) return;
  event.preventDefault();
  event.stopPropagation();
  const flat = flatOf(shape, now.index) + by;
  if (flat >= 0 && flat < sizeOf(shape)) { go(now.i, now.f, indexOf(shape, flat)); $("result").focus({preventScroll: true}); }
}
document.addEventListener("keydown", event => {
  if (event.altKey || event.ctrlKey || event.metaKey || ["INPUT", "SELECT"].includes(event.target.tagName)) return;
  const to = {ArrowRight: [now.i + 1, 0], ArrowLeft: [now.i - 1, 0], Home: [0, 0], End: [D.steps.length - 1, 0], ArrowDown: [now.i, now.f + 1], ArrowUp: [now.i, now.f - 1]}[event.key];
  if (!to || to[0] < 0 || to[0] >= D.steps.length || to[1] < 0 || to[1] >= D.steps[to[0]].as.length) return;
  event.preventDefault();
  go(...to, undefined, to[0] !== now.i);
  if (to[0] === now.i) $("formulas").children[now.f].focus();
});
$("where").append(...D.steps.map((step, i) => element("option", `${i + 1}. ${step.back ? "\u2190 " : ""}${step.title}`, {value: i})));
$("where").onchange = event => go(+event.target.value);
$("prev").onclick = () => go(now.i - 1);
$("next").onclick = () => go(now.i + 1);
function follow() {
  const [i, f, index] = location.hash.slice(1).split("/"), as = D.steps[i - 1]?.as[(f || 1) - 1];
  const at = index?.split(",").filter(Boolean).map(Number);
  if (!as) return go(0);
  go(i - 1, (f || 1) - 1, at?.length === as.l.length && at.every((v, d) => v >= 0 && v < as.l[d][1] && v % 1 === 0) ? at : undefined);
}
addEventListener("hashchange", follow);
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; render(); } });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
follow();
