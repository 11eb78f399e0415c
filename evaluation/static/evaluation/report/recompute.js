// The button of a report in one file: unpacks the ratings that it carries, computes, compares with the
// results that it carries, and shows every number that differs.
"use strict";

const RELATIVE = 1e-9;
const NOTHING = 1e-12;  // below this, two numbers are both zero

// The carried ratings: docs/report.md has their form.
async function unpacked(text) {
    const binary = atob(text), bytes = new Uint8Array(binary.length);
    for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const block = await new Response(stream).arrayBuffer();
    const length = new DataView(block).getUint32(0, true), columns = {};
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(block, 4, length)));
    let start = 4 + length;
    for (const { name, bits, levels } of head.columns) {
        const size = head.n * bits / 8, Codes = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array }[bits];
        columns[name] = { levels, codes: new Codes(block.slice(start, start + size)) };
        start += size;
    }
    return columns;
}

function alike(one, other) {
    if (typeof one !== "number" || typeof other !== "number") return one === other;
    return Math.abs(one - other) <= NOTHING + RELATIVE * Math.max(Math.abs(one), Math.abs(other));
}

// Walks what was computed beside the report's own; `found` gets {place, report, computed} where they differ.
function compared(computed, report, place, found) {
    if (computed !== null && typeof computed === "object" && report !== null && typeof report === "object") {
        const within = (key) => compared(computed[key], report[key], [...place, key], found);
        return Object.keys(computed).reduce((n, key) => n + within(key), 0);
    }
    if (!alike(computed, report)) found.push({ place: place.join(", "), report, computed });
    return computed !== null && typeof computed === "object" ? 1 : Number(typeof computed === "number");
}

const nameOf = (each) => [each.question, each.generator_a, each.generator_b];
const keyOf = (each) => JSON.stringify(nameOf(each));

// {n, differences, rates}: how many numbers were computed, those that differ, all rates.
function checked(columns, results) {
    const rates = ratesOf(columns, results.level, results.estimand.name), differences = [];
    const own = new Map(results.comparisons.map((each) => [keyOf(each), each]));
    const codes = columns.left_out.codes, counts = [0, 0, 0, 0];
    for (let row = 0; row < codes.length; row++) counts[codes[row]]++;
    const used = (column) => {
        const seen = new Uint8Array(column.levels.length);
        for (let row = 0; row < codes.length; row++) if (!codes[row]) seen[column.codes[row]] = 1;
        return add(seen);
    };
    const totals = { n_ratings: counts[0], n_raters: used(columns.rater_id), n_prompts: used(columns.prompt_id),
        n_control_excluded: counts[1] };
    let n = 0;
    for (const [name, value] of Object.entries(totals)) {
        n += compared(value, results[name], ["the whole", name], differences);
    }
    for (const rate of rates) {
        const report = own.get(keyOf(rate)), place = nameOf(rate);
        own.delete(keyOf(rate));
        if (!report) {
            differences.push({ place: place.join(", "), report: undefined, computed: rate.overall.net.estimate });
            continue;
        }
        n += compared(rate.overall, report.overall, [...place, "overall"], differences);
        const names = new Set([...Object.keys(rate.categories), ...Object.keys(report.categories)]);
        for (const name of names) {
            n += compared(rate.categories[name], report.categories[name], [...place, name], differences);
        }
    }
    for (const each of own.values()) {
        differences.push({ place: nameOf(each).join(", "), report: each.overall.net.estimate, computed: undefined });
    }
    return { n, differences, rates };
}

// --- The page --------------------------------------------------------------------------------------------------------

function element(name, text, parent) {
    const made = document.createElement(name);
    made.textContent = text;
    if (parent) parent.append(made);
    return made;
}

function table(parent, heads, rows, caption) {
    const box = element("div", "", parent), made = element("table", "", box);
    box.className = "table";
    box.tabIndex = 0;
    element("caption", caption, made);
    const line = element("tr", "", element("thead", "", made)), body = element("tbody", "", made);
    heads.forEach((head) => { element("th", head, line).scope = "col"; });
    for (const row of rows) {
        const own = element("tr", "", body);
        row.forEach((cell) => element("td", cell, own));
    }
}

const written = (value) => value === undefined ? "nothing" : value === null ? "none" : typeof value === "number"
    ? String(Number(value.toPrecision(12))) : typeof value === "object" ? "numbers" : String(value);
const hundredths = (x) => (100 * x).toFixed(1).replace("-", "\u2212");

function shown({ n, differences, rates }, milliseconds, place) {
    place.replaceChildren();
    const found = differences.length;
    const verdict = element("p", "", place);
    element("strong", found ? `${found} of ${n} numbers differ.` : `None of ${n} numbers differs.`, verdict);
    verdict.append(` Computed in ${(milliseconds / 1000).toFixed(2)} s from the ratings in this file.`);
    if (found) {
        table(place, ["Number", "In the report", "Computed again"],
            differences.map((each) => [each.place, written(each.report), written(each.computed)]),
            "Every number that differs");
    }
    const all = rates.flatMap((rate) => [["overall", rate.overall], ...Object.entries(rate.categories)].map(
        ([name, each]) => [rate, name, each]));
    const rows = all.map(([rate, name, each]) => {
        const own = each.net.intervals[each.net.default];
        return [nameOf(rate).join(", "), name, String(each.n_ratings), ...["a", "indifferent", "b"].map((choice) =>
            hundredths(each.shares[choice])), hundredths(each.net.estimate),
            own ? `${hundredths(own.low)} to ${hundredths(own.high)} (${each.net.default})` : "none"];
    });
    const box = element("details", "", place);
    element("summary", "As computed here, to hold beside the tables above", box);
    const heads = ["Question and pair", "Category", "Ratings", "First, %", "No preference, %", "Second, %"];
    table(box, [...heads, "Net share", "Interval"], rows, "Shares in per cent, net shares in points");
}

function start() {
    const button = document.getElementById("recompute-button"), place = document.getElementById("recompute-outcome");
    button.hidden = false;
    button.addEventListener("click", async () => {
        const focused = document.activeElement === button; // asked before: some browsers take it at once
        button.disabled = true;
        place.textContent = "Computing.";
        if (focused) place.focus(); // it would be lost to the page's top
        try {
            const begun = performance.now();
            const columns = await unpacked(document.getElementById("carried-ratings").textContent.trim());
            const outcome = checked(columns, JSON.parse(document.getElementById("carried-results").textContent));
            shown(outcome, performance.now() - begun, place);
            place.dataset.differences = String(outcome.differences.length);
        } catch (error) {
            place.textContent = `This file's ratings or results can't be read (${error.message}). `
                + "It was changed or cut; get it anew.";
            place.dataset.differences = "unreadable";
        }
        button.disabled = false;
    });
}

if (typeof document !== "undefined") start();
