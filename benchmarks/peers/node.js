// SPDX-License-Identifier: MIT
// The work of the C programs on Node. Prints samples as bench.c does with --raw. usage: node --expose-gc node.js [--quick] [--rounds N]
'use strict';
const { execFileSync } = require('child_process');
const fs = require('fs');

const BATCH = 1000, TIMERS = 10000, SPREAD_MS = 20;
const quick = process.argv.includes('--quick');
const at = process.argv.indexOf('--rounds');
const rounds = at > 0 ? Number(process.argv[at + 1]) : 15;
const delays = Array.from({ length: TIMERS }, (_, i) => 1 + ((i * 7919) % SPREAD_MS)); // Node's timers have a resolution of 1 ms
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let paused = 0n;

function pause(during) {
	const began = process.hrtime.bigint();
	during();
	paused += process.hrtime.bigint() - began;
}

const nextIteration = () => new Promise((resolve) => setImmediate(resolve));

async function callbacks(count) {
	for (let done = 0; done < count; done += BATCH) {
		let ran = 0;
		await new Promise((resolve) => {
			for (let i = 0; i < BATCH; i++) setImmediate(() => { if (++ran === BATCH) resolve(); });
		});
	}
}

function chain(count) {
	return new Promise((resolve) => {
		const again = () => { if (--count) setImmediate(again); else resolve(); };
		setImmediate(again);
	});
}

async function nothing() { }

async function oneByOne(count) {
	for (let i = 0; i < count; i++) await nothing();
}

async function atOnce(count) {
	for (let done = 0; done < count; done += BATCH) await Promise.all(Array.from({ length: BATCH }, nothing));
}

async function giveTurns(count) {
	for (let i = 0; i < count; i++) await null;
}

const turns = (count) => Promise.all([giveTurns(count / 2), giveTurns(count / 2)]);

function timersFire(count) {
	return new Promise((resolve) => {
		let left = count;
		for (let i = 0; i < count; i++) setTimeout(() => { if (--left === 0) resolve(); }, delays[i]);
		pause(() => Atomics.wait(sleeper, 0, 0, SPREAD_MS + 4));
	});
}

async function timersCancel(count) {
	let waiting;
	pause(() => { waiting = delays.map((delay, i) => setTimeout(() => {}, 100000 + delay * 1000 + i)); });
	for (let i = 0; i < count; i++) {
		clearTimeout(setTimeout(() => {}, 100000 + delays[i % TIMERS] * 1000 + (i % TIMERS)));
		if (i % 100 === 99) await nextIteration();
	}
	pause(() => waiting.forEach(clearTimeout));
}

function resident() {
	let sum = 0;
	for (const [, number] of fs.readFileSync('/proc/self/status', 'latin1').matchAll(/^Vm(?:RSS|PTE):\s*(\d+)/gm)) sum += number * 1024;
	return sum;
}

async function memory(count) {
	const { setTimeout: sleep } = require('timers/promises');
	global.gc();
	const before = resident();
	const sleepers = [];
	const one = async () => { await sleep(3600000, undefined, { ref: false }); };
	for (let i = 0; i < count; i++) sleepers.push(one());
	await nextIteration();
	return (resident() - before) / count;
}

const WORKS = [
	['a callback, 1,000 in one iteration', 'setImmediate', callbacks, 50000],
	['a callback, one in each iteration', 'setImmediate', chain, 50000],
	['a task spawned and joined, one by one', 'an async function', oneByOne, 50000],
	['a task spawned and joined, 1,000 at once', 'async functions', atOnce, 50000],
	["a task's turn given away", 'await null', turns, 50000],
	['a timer set and fired, 10,000 at once', 'setTimeout', timersFire, TIMERS],
	['a timer set and cancelled, 10,000 waiting', 'setTimeout', timersCancel, 50000],
];

async function main() {
	if (process.argv.includes('--memory')) {
		console.log(`memory of a sleeping task, bytes\tNode, an async function\t${(await memory(10000)).toFixed(3)}`);
		process.exit(0);
	}
	for (const [work, what, run, all] of WORKS) {
		const count = quick && all !== TIMERS ? all / 20 : all;
		for (let round = 0; round <= rounds; round++) {
			paused = 0n;
			const began = process.hrtime.bigint();
			await run(count);
			const took = Number(process.hrtime.bigint() - began - paused) / count;
			if (round) console.log(`${work}\tNode: ${what}\t${took.toFixed(3)}`); // the first is a warm-up
		}
	}
	// In a new process, since this one's heap has grown.
	process.stdout.write(execFileSync(process.execPath, ['--expose-gc', __filename, '--memory']));
}

main();
