"use strict";
(() => {
  const controls = document.getElementById("controls");
  const table = document.querySelector("table.matrix");
  if (!controls || !table) return;
  const words = document.getElementById("words");
  const status = document.getElementById("status");
  const order = document.getElementById("order");
  const shown = document.getElementById("shown");
  const groups = Array.from(table.tBodies);
  const rows = groups.flatMap((group) => Array.from(group.querySelectorAll("tr[data-loss]")));
  const details = new Map(
    Array.from(document.querySelectorAll("details[data-loss]"), (one) => [one.dataset.loss, one]));
  const home = new Map(rows.map((row) => [row, row.parentNode]));
  const flat = document.createElement("tbody");

  const share = (row, column) => {
    const all = row.dataset.shares.split(" ").map(Number);
    return column === "" ? Math.max(...all) : all[Number(column)];
  };

  const sort = () => {
    const [by, column] = order.value.split(":");
    if (by === "family") {
      rows.forEach((row) => home.get(row).append(row));
      flat.remove();
      groups.forEach((group) => table.append(group));
      return;
    }
    const sorted = Array.from(rows);
    if (by === "name") sorted.sort((a, b) => (a.dataset.loss < b.dataset.loss ? -1 : 1));
    else sorted.sort((a, b) => share(b, column) - share(a, column));
    groups.forEach((group) => group.remove());
    flat.replaceChildren(...sorted);
    table.append(flat);
  };

  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row) => {
      const text = (row.dataset.loss + " " + row.dataset.family).toLowerCase();
      const fits = wanted.every((word) => text.includes(word))
        && (!status.value || row.dataset.status.split(",").includes(status.value));
      row.hidden = !fits;
      const one = details.get(row.dataset.loss);
      if (one) one.hidden = !fits;
      count += fits;
    });
    groups.forEach((group) => {
      group.hidden = !Array.from(group.querySelectorAll("tr[data-loss]")).some((row) => !row.hidden);
    });
    shown.textContent = count + " of " + rows.length + " losses";
  };

  words.addEventListener("input", filter);
  status.addEventListener("change", filter);
  order.addEventListener("change", () => { sort(); filter(); });
  controls.hidden = false;
  sort();
  filter();
})();
