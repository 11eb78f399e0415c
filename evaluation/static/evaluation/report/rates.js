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
    const whole = [together(raters), together(prompts)], x = whole[0].x.map((counts) => add(counts));
    const n = add(x), decidedN = x[0] + x[2], wanted = SPEAKS[estimand], [R, P] = [raters.G, prompts.G];
    const nested = keepToOne(raters, K), design = designOf(raters, prompts, K), blocks = nested ? [] : [whole];
    for (let c = 0; nested && c < K; c++) blocks.push([inCategory(raters, c), inCategory(prompts, c)]);
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

// All comparisons of a table of ratings. `columns`: by name {levels, codes}; rows whose `left_out` is not 0 do not
// count.
function ratesOf(columns, level, estimand) {
    const { rater_id: rater, prompt_id: prompt, category, question, choice, left_out: out } = columns;
    const { generator_a: a, generator_b: b } = columns;
    const rows = choice.codes.length, pairs = new Map(), of = new Int32Array(rows), found = [];
    const choices = choice.levels.map((name) => ["a", "indifferent", "b"].indexOf(name));
    for (let row = 0; row < rows; row++) {
        if (out.codes[row]) { of[row] = -1; continue; }
        const key = (a.codes[row] * b.levels.length + b.codes[row]) * question.levels.length + question.codes[row];
        let at = pairs.get(key);
        if (at === undefined) { at = found.length; pairs.set(key, at); found.push({ first: row, n: 0 }); }
        of[row] = at;
        found[at].n++;
    }
    const place = new Int32Array(found.length), sorted = new Int32Array(rows);
    for (let at = 1; at < found.length; at++) place[at] = place[at - 1] + found[at - 1].n;
    const next = Int32Array.from(place);
    for (let row = 0; row < rows; row++) if (of[row] >= 0) sorted[next[of[row]]++] = row;
    const K = category.levels.length;
    function table(unit, mine) {
        const x = new Int32Array(unit.levels.length * K * 3);
        for (const row of mine) x[(unit.codes[row] * K + category.codes[row]) * 3 + choices[choice.codes[row]]]++;
        const cells = [];
        for (let k = 0; k < x.length / 3; k++) if (x[3 * k] + x[3 * k + 1] + x[3 * k + 2]) cells.push(k);
        return { cells, x };
    }
    return found.map(({ first, n }, at) => {
        const mine = sorted.subarray(place[at], place[at] + n);
        const raters = table(rater, mine), prompts = table(prompt, mine), categories = {};
        const codes = [...new Set(prompts.cells.map((k) => k % K))].sort((one, other) => one - other);
        const number = new Int32Array(K).map((_, code) => codes.indexOf(code));
        const [whole, all] = [raters, prompts].map(({ cells, x }) => unitsOf(
            Int32Array.from(cells, (k) => Math.floor(k / K)), Int32Array.from(cells, (k) => number[k % K]),
            [0, 1, 2].map((at) => Float64Array.from(cells, (k) => x[3 * k + at]))));
        codes.forEach((code, c) => {
            categories[category.levels[code]] = rateOf(inCategory(whole, c), inCategory(all, c), 1, level, estimand);
        });
        const overall = codes.length === 1 ? categories[category.levels[codes[0]]]
            : rateOf(whole, all, codes.length, level, estimand);
        return { generator_a: a.levels[a.codes[first]], generator_b: b.levels[b.codes[first]],
            question: question.levels[question.codes[first]], overall, categories };
    });
}
