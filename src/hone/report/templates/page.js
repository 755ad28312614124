"use strict";

// Paper cannot be unfolded.
window.addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});

// The browser of sampled responses. Whatever a model wrote reaches the page through textContent.
(() => {
  const source = document.getElementById("data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const total = data.response_text.length;
  const perPage = 25;
  const filtered = ["arm", "stage", "evaluation", "step", "strategy", "grade", "seed", "split", "temperature"];
  const labels = {
    arm: "Arm", stage: "Stage", evaluation: "Evaluation", step: "Step", strategy: "Strategy",
    grade: "Grade", seed: "Seed", split: "Split", temperature: "Temperature",
  };
  const atFirst = { evaluation: "last" }; // what training came to, not what it began with
  const symbols = { correct: "✓ ", incorrect: "✗ ", unscorable: "? " };
  const byId = (id) => document.getElementById(id);
  const text = (value) => (value === null ? "–" : String(value));

  const known = (name) => name in data && data[name].some((value) => value !== null);
  const values = (name) =>
    [...new Set(data[name])].sort((a, b) =>
      typeof a === "number" && typeof b === "number" ? a - b : text(a) < text(b) ? -1 : 1);
  const choices = new Map(
    filtered.filter(known).map((name) => [name, values(name)]).filter(([, all]) => all.length > 1));
  // What is the same in every row is said once.
  const constant = (name) => filtered.includes(name) && !choices.has(name);
  const tells = (name) => known(name) && !constant(name);

  let matching = [];
  let page = 0;

  function element(tag, content, properties = {}) {
    const made = Object.assign(document.createElement(tag), properties);
    made.textContent = content;
    return made;
  }

  function chosen() {
    return [...choices].flatMap(([name, all]) => {
      const value = byId(`filter-${name}`).value;
      return value === "" ? [] : [[name, all[Number(value)]]];
    });
  }

  function rowsWith(wanted) {
    const rows = [];
    for (let i = 0; i < total; i++) {
      if (wanted.every(([name, value]) => data[name][i] === value)) rows.push(i);
    }
    return rows;
  }

  function buildFilters() {
    for (const [name, all] of choices) {
      const label = element("label", labels[name]);
      const select = element("select", "", { id: `filter-${name}` });
      select.append(element("option", "all", { value: "" }));
      all.forEach((value, i) => {
        const isChosen = atFirst[name] === value;
        select.append(new Option(text(value), i, isChosen, isChosen));
      });
      label.append(select);
      byId("filters").append(label);
    }
    byId("filters").append(element("button", "Reset", { type: "reset" }));
  }

  // How many rows each choice would leave, given the other filters.
  function countChoices() {
    const wanted = chosen();
    for (const [name, all] of choices) {
      const counts = new Map(all.map((value) => [value, 0]));
      for (const i of rowsWith(wanted.filter(([other]) => other !== name))) {
        counts.set(data[name][i], counts.get(data[name][i]) + 1);
      }
      all.forEach((value, i) => {
        const option = byId(`filter-${name}`).options[i + 1];
        option.textContent = `${text(value)} (${counts.get(value).toLocaleString("en")})`;
      });
    }
  }

  // The values of a row that differ between rows, e.g. "step 3 · seed 0".
  function details(i, named) {
    const parts = Object.entries(named).filter(([name]) => tells(name) && data[name][i] !== null);
    return parts.map(([name, label]) => `${label} ${text(data[name][i])}`.trim()).join(" · ");
  }

  function cell(className, main, detail) {
    const made = element("td", "", { className });
    if (main) made.append(element("p", main));
    if (detail) made.append(element("p", detail, { className: "detail" }));
    return made;
  }

  function exchange(i) {
    const made = element("td", "", { className: "prose" });
    if (tells("prompt_text")) {
      made.append(element("p", text(data.prompt_text[i]), { className: "prompt" }));
    }
    made.append(element("p", text(data.response_text[i])));
    return made;
  }

  const places = {
    stage: "", split: "", step: "step", seed: "seed", temperature: "temperature",
    problem_id: "problem",
  };
  const everyColumn = {
    Sample: (i) => cell("", tells("arm") ? text(data.arm[i]) : "", details(i, places)),
    [tells("prompt_text") ? "Prompt and response" : "Response"]: exchange,
    Strategy: (i) =>
      cell("", text(data.strategy?.[i] ?? null), details(i, { steps_correct: "steps right:" })),
    Grade: (i) => {
      const grade = data.grade?.[i] ?? null;
      const why = details(i, { grade_reason: "", finish: "ended by" });
      return cell(`grade ${grade}`, (symbols[grade] ?? "") + text(grade), why);
    },
    Reward: (i) =>
      cell("figure", text(data.reward?.[i] ?? null), details(i, { advantage: "advantage" })),
  };
  const needed = { Reward: "reward" }; // an evaluation has none
  const columns = Object.entries(everyColumn).filter(([name]) => !needed[name] || known(needed[name]));

  function draw() {
    const pages = Math.max(1, Math.ceil(matching.length / perPage));
    const start = page * perPage;
    const rows = matching.slice(start, start + perPage).map((i) => {
      const row = document.createElement("tr");
      row.append(...columns.map(([, column]) => column(i)));
      return row;
    });
    byId("rows").tBodies[0].replaceChildren(...rows);
    byId("place").textContent = `page ${page + 1} of ${pages}`;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page + 1 === pages;
  }

  function update() {
    matching = rowsWith(chosen());
    page = 0;
    const right = matching.filter((i) => data.grade?.[i] === "correct").length;
    const share = data.grade && matching.length
      ? `, ${Math.round((100 * right) / matching.length)} % correct` : "";
    byId("count").textContent =
      `${matching.length.toLocaleString("en")} of ${total.toLocaleString("en")} responses${share}`;
    countChoices();
    draw();
  }

  function turn(by) {
    page += by;
    draw();
    byId("rows").scrollIntoView({ block: "nearest" });
  }

  buildFilters();
  const head = document.createElement("tr");
  head.append(...columns.map(([name]) =>
    element("th", name, { scope: "col", className: name === "Reward" ? "figure" : "" })));
  byId("rows").tHead.append(head);
  const same = filtered.filter((name) => known(name) && constant(name)).map((name) => `${labels[name]}: ${text(data[name][0])}`);
  if (same.length) byId("rows").createCaption().textContent = `All rows: ${same.join(", ")}`;
  byId("filters").addEventListener("change", update);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(update)); // after the form has reset
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  update();
})();
