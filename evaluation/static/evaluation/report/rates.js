// See distributions.js for what this is.
"use strict";

// --- Estimates -------------------------------------------------------------------------------------------------------

// The interval of a mean: symmetric on the logit scale between the ends where there are any, on the plain one else.
function interval(mean, found, level, ends) {
    if (found === null || !(found[0] > 0)) return null;
    const se = Math.sqrt(found[0]), half = quantile(level, found[1]) * se;
    if (!ends || !(ends[0] < mean && mean < ends[1])) return { se, df: found[1], low: mean - half, high: mean + half };
    const [low, width] = [ends[0], ends[1] - ends[0]], share = (mean - low) / width;
    const middle = Math.log(share / (1 - share)), spread = half / (width * share * (1 - share));
    const at = (x) => low + width / (1 + Math.exp(-x));
    return { se, df: found[1], low: at(middle - spread), high: at(middle + spread) };
}

// Two-sided p-value of `against`, on the scale of the interval.
function pValue(mean, own, method, against, ends) {
    if (own === null) return null;
    let z = (mean - against) / own.se;
    const width = ends[1] - ends[0], share = (mean - ends[0]) / width, other = (against - ends[0]) / width;
    if (method === "effective" && share > 0 && share < 1) {
        z = (Math.log(share / (1 - share)) - Math.log(other / (1 - other))) * width * share * (1 - share) / own.se;
    }
    return z === 0 ? 1 : 2 * tail(Math.abs(z), own.df)[0];
}

const SPEAKS = { raters_and_prompts: "effective", raters: "by_rater", prompts: "by_prompt", votes: "independent" };
const ALL = [1, 1, 1], NET = [-1, 1], SHARE = [0, 1];

// The rate of one comparison, over `K` categories, in the form of the report's JSON.
function rateOf(raters, prompts, K, level, estimand) {
    const whole = [together(raters), together(prompts)], x = whole[0].sums;
    const n = add(x), decidedN = x[0] + x[2], wanted = SPEAKS[estimand], [R, P] = [raters.G, prompts.G];
    const nested = keepToOne(raters, K), design = designOf(raters, prompts, K);
    const others = byCategory(prompts), blocks = nested ? byCategory(raters).map((own, c) => [own, others[c]]) : [whole];
    function estimate(mean, score, plainScore, counts, ends) {
        const own = interval(mean, effective(design, R, P, score, level), level, ends);
        const found = narrowerOf(blocks, plainScore, counts, R, P);
        const intervals = { effective: own };
        for (const name of NARROWER) intervals[name] = interval(mean, found[name], level, null);
        const method = [wanted, "effective", ...NARROWER].find((name) => intervals[name] !== null) || wanted;
        return { estimate: mean, default: method, intervals };
    }
    const net = estimate((x[0] - x[2]) / n, [1, 0, -1], [1, 0, -1], ALL, NET);
    const cut = ({ default: method, intervals }) => ({ default: method, interval: intervals[method] && {
        ...intervals[method], low: Math.max(intervals[method].low, 0), high: Math.min(intervals[method].high, 1) } });
    const shares = {}, shareIntervals = {};
    ["a", "indifferent", "b"].forEach((name, at) => {
        const score = [0, 1, 2].map((choice) => Number(choice === at));
        shares[name] = x[at] / n;
        shareIntervals[name] = cut(estimate(x[at] / n, score, score, ALL, SHARE));
    });
    const decided = { n_ratings: decidedN, share_a: null };
    if (decidedN) {
        const ratio = x[0] / decidedN, moved = n / decidedN;
        const own = estimate(ratio, [moved * (1 - ratio), 0, -moved * ratio], [1, 0, 0], [1, 0, 1], SHARE);
        Object.assign(decided, { share_a: ratio, ...cut(own) });
        decided.p_value = pValue(ratio, decided.interval, own.default, 0.5, SHARE);
    }
    const [lead, , behind] = whole[0].x, size = whole[0].n;
    return {
        n_ratings: n, n_raters: R, n_prompts: P, shares, net, stratified: nested,
        counts: { a: x[0], indifferent: x[1], b: x[2] }, share_intervals: shareIntervals, decided,
        p_value: pValue(net.estimate, net.intervals[net.default], net.default, 0, NET),
        rater_weighted_net: add(lead.map((count, g) => (count - behind[g]) / size[g])) / R,
    };
}

// --- Counting --------------------------------------------------------------------------------------------------------

// The units of a comparison's `rows`, in the order in which they come first: a cell for each unit and category.
// `unit`, `category`, `choice`: codes by row, those of categories among `K`, those of choices 0 to 2. `room`: {number,
// table}, kept from call to call: the numbers of units by code, all -1, and a table of counts, all zero.
function counted(rows, unit, category, K, choice, room) {
    const { number } = room, seen = [];
    for (let at = 0; at < rows.length; at++) {
        const code = unit[rows[at]];
        if (number[code] < 0) number[code] = seen.push(code) - 1;
    }
    const size = seen.length * K;
    if (room.table.length < 3 * size) room.table = new Int32Array(3 * size);
    const { table } = room, starts = new Int32Array(seen.length + 1);
    for (let at = 0; at < rows.length; at++) {
        const row = rows[at];
        table[3 * (number[unit[row]] * K + category[row]) + choice[row]]++;
    }
    let cells = 0;
    for (let k = 0; k < size; k++) if (table[3 * k] || table[3 * k + 1] || table[3 * k + 2]) cells++;
    const of = new Int32Array(cells), a = sized(cells), none = sized(cells), b = sized(cells);
    for (let g = 0, cell = 0; g < seen.length; g++) {
        for (let c = 0, k = 3 * g * K; c < K; c++, k += 3) {
            if (!table[k] && !table[k + 1] && !table[k + 2]) continue;
            of[cell] = c;
            a[cell] = table[k];
            none[cell] = table[k + 1];
            b[cell++] = table[k + 2];
        }
        starts[g + 1] = cell;
        number[seen[g]] = -1;
    }
    table.fill(0, 0, 3 * size);
    return unitsOf(starts, of, [a, none, b], K);
}

// All comparisons of a table of ratings. `columns`: by name {levels, codes}; rows whose `left_out` is not 0 do not
// count.
function ratesOf(columns, level, estimand) {
    const { rater_id: rater, prompt_id: prompt, category, question, choice, left_out: out } = columns;
    const { generator_a: a, generator_b: b } = columns, n = choice.codes.length, names = category.levels;
    const choices = Int32Array.from(choice.levels, (name) => ["a", "indifferent", "b"].indexOf(name));
    const chosen = new Uint8Array(n), of = new Int32Array(n).fill(-1), found = [];
    const numbers = new Int32Array(a.levels.length * b.levels.length * question.levels.length).fill(-1);
    for (let row = 0; row < n; row++) {
        if (out.codes[row]) continue;
        const key = (a.codes[row] * b.levels.length + b.codes[row]) * question.levels.length + question.codes[row];
        if (numbers[key] < 0) numbers[key] = found.push({ first: row, rows: 0 }) - 1;
        of[row] = numbers[key];
        found[of[row]].rows++;
        chosen[row] = choices[choice.codes[row]];
    }
    let size = 0;
    for (const each of found) { each.start = each.next = size; size += each.rows; }
    const sorted = new Int32Array(size), inPair = new Int32Array(n);  // a row's category among those of its comparison
    for (let row = 0; row < n; row++) if (of[row] >= 0) sorted[found[of[row]].next++] = row;
    const rooms = [rater, prompt].map(({ levels }) => (
        { number: new Int32Array(levels.length).fill(-1), table: new Int32Array(0) }));
    return found.map(({ first, rows, start }) => {
        const mine = sorted.subarray(start, start + rows), present = new Uint8Array(names.length), codes = [];
        for (let k = 0; k < rows; k++) present[category.codes[mine[k]]] = 1;
        const number = Int32Array.from(present, (there, code) => there ? codes.push(code) - 1 : -1), K = codes.length;
        for (let k = 0; k < rows; k++) inPair[mine[k]] = number[category.codes[mine[k]]];
        const raters = counted(mine, rater.codes, inPair, K, chosen, rooms[0]), categories = {};
        const prompts = counted(mine, prompt.codes, inPair, K, chosen, rooms[1]);
        const own = byCategory(raters), others = byCategory(prompts);
        codes.forEach((code, c) => { categories[names[code]] = rateOf(own[c], others[c], 1, level, estimand); });
        const overall = K === 1 ? categories[names[codes[0]]] : rateOf(raters, prompts, K, level, estimand);
        return { generator_a: a.levels[a.codes[first]], generator_b: b.levels[b.codes[first]],
            question: question.levels[question.codes[first]], overall, categories };
    });
}
