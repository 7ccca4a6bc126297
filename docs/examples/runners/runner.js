// Losses in JavaScript behind the protocol of `lossspec verify --runner`: one request a line, one reply a line.
"use strict";
const readline = require("readline");

// The losses: each takes plain arrays and returns the value of every unit, and the gradient of their sum.

function huber({ predictions, targets }, { delta }) {
  const error = predictions.values.map((p, i) => p - targets.values[i]);
  const value = error.map((e) => (Math.abs(e) <= delta ? (e * e) / 2 : delta * (Math.abs(e) - delta / 2)));
  const slope = error.map((e) => Math.max(-delta, Math.min(delta, e)));
  return {
    value: like(predictions, value),
    gradients: { predictions: like(predictions, slope), targets: like(targets, slope.map((s) => -s)) },
  };
}

function crossEntropy({ logits, labels }) {
  if (labels.dtype.startsWith("float")) return { skipped: "labels are classes here, and no distributions" };
  const classes = logits.shape[logits.shape.length - 1];
  const value = [];
  const gradient = [];
  labels.values.forEach((label, unit) => {
    const z = logits.values.slice(unit * classes, (unit + 1) * classes);
    const top = z.indexOf(Math.max(...z));
    const powers = z.map((x, c) => (c === top ? 0 : Math.exp(x - z[top])));
    const rest = powers.reduce((a, b) => a + b, 0); // all but the largest, so that a small loss keeps its digits
    value.push(Math.log1p(rest) + (label === top ? 0 : z[top] - z[label]));
    z.forEach((_, c) => {
      const p = (c === top ? 1 : powers[c]) / (1 + rest);
      const others = c === top ? rest / (1 + rest) : 1 - p;
      gradient.push(c === label ? -others : p);
    });
  });
  return { value: { shape: labels.shape, values: value.map(text) }, gradients: { logits: like(logits, gradient) } };
}

const LOSSES = { huber, cross_entropy: crossEntropy };

// The protocol.

function number(word) {
  const hex = /^([+-]?)0x([0-9a-f]+)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i.exec(word);
  if (!hex) return { inf: Infinity, "-inf": -Infinity, nan: NaN }[word] ?? Number(word);
  const [, sign, whole, part = "", power = "0"] = hex;
  let value = parseInt(whole + part, 16); // at most 53 bits, so that it is exact
  let exponent = Number(power) - 4 * part.length;
  for (; exponent < -1000; exponent += 1000) value *= 2 ** -1000; // in steps, for the smallest numbers
  return (sign === "-" ? -1 : 1) * value * 2 ** exponent;
}

const text = (x) => (Number.isFinite(x) ? x : Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf"); // JSON has none of these
const like = (array, values) => ({ shape: array.shape, values: values.map(text) });
const array = ({ dtype, shape, values }) => ({ dtype, shape, values: values.split(" ").filter(Boolean).map(number) });
const argument = (x) => (x === null || typeof x !== "object" ? x : "float" in x ? number(x.float) : array(x));
const each = (object, f) => Object.fromEntries(Object.entries(object).map(([name, x]) => [name, f(x)]));

function reply(request) {
  if (request.do === "start") {
    return { name: "losses in JavaScript", language: `JavaScript, Node ${process.versions.node}`, losses: Object.keys(LOSSES), reductions: ["none"] };
  }
  if (request.dtype !== "float64") return { skipped: "JavaScript computes in float64" };
  if (Object.keys(request.options).some((name) => name !== "reduction")) return { skipped: "no weights and masks here" };
  const parameters = each(request.parameters, argument);
  if (Object.values(parameters).some((x) => x !== null && typeof x === "object")) return { skipped: "parameters are numbers here" };
  if (parameters.label_smoothing) return { skipped: "no label smoothing here" };
  return LOSSES[request.loss](each(request.inputs, array), parameters);
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  if (request.do === "stop") process.exit(0);
  let found;
  try {
    found = reply(request);
  } catch (error) {
    found = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(found) + "\n");
});
