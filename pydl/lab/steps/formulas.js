// All numbers of a step-through, from its formulas: whole arrays, and one number with what it is made of.
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
