// Few pictures at a time: the service's queue is everybody's.

/** Runs jobs, some in parallel, and counts them since it was last idle. */
export class Queue {
  #waiting = [];
  #running = [];
  #done = 0;
  #total = 0;
  #onChange;
  #parallel;

  /**
   * @param parallel how many run at a time.
   * @param onChange called with { done, total, isIdle } whenever that changes.
   */
  constructor(parallel, onChange) {
    this.#parallel = parallel;
    this.#onChange = onChange;
  }

  /** Adds jobs: `run()` gives a promise that never rejects, `cancel()` ends it soon. */
  add(jobs) {
    if (this.#isIdle()) this.#done = this.#total = 0;
    this.#waiting.push(...jobs);
    this.#total += jobs.length;
    this.#next();
  }

  /** Cancels a job, whether it runs or waits. */
  drop(job) {
    const index = this.#waiting.indexOf(job);
    job.cancel();
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#done += 1;
    this.#tell();
  }

  /** Cancels everything. */
  cancel() {
    const waiting = this.#waiting.splice(0);
    this.#done += waiting.length;
    for (const job of [...waiting, ...this.#running]) job.cancel();
    this.#tell();
  }

  #isIdle() {
    return this.#running.length === 0 && this.#waiting.length === 0;
  }

  #next() {
    while (this.#running.length < this.#parallel && this.#waiting.length > 0) {
      const job = this.#waiting.shift();
      this.#running.push(job);
      job.run().finally(() => this.#finish(job));
    }
    this.#tell();
  }

  #finish(job) {
    this.#running.splice(this.#running.indexOf(job), 1);
    this.#done += 1;
    this.#next();
  }

  #tell() {
    this.#onChange({ done: this.#done, total: this.#total, isIdle: this.#isIdle() });
  }
}
