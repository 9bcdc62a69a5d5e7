// What the page shows, and what clicks and keys do; follows formulas.js and pictures.js.

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
