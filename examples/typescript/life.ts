// The life of a few tasks with the generated types, from their creation to their deletion.
//
// It reads TASKAPP_URL, TASKAPP_USER and TASKAPP_TOKEN. docs/clients.md says how to run it.

import createClient, { type Client } from "openapi-fetch";
import type {
  ChangedTaskEnvelope,
  FeedEntry,
  Task,
  TaskChangesIn,
  TaskEnvelope,
  TaskIn,
  TaskListEnvelope,
  paths,
} from "../../clients/typescript/taskapp.js";
import { fetchWithRetry } from "./retry.js";

const ZONE = "Europe/Berlin";
const DAY = "2030-01-07"; // A Monday. Days are strings: a Date would be an instant.
const NEXT_WEEK = "2030-01-14";

/** The body that every error has. */
interface AnyError {
  error: { code: string; message: string; details?: unknown; request_id: string };
}

/** The service returned an error. Its `code` says which one; see docs/api.md. */
class Failed extends Error {
  readonly code: string;
  readonly details: unknown;

  constructor({ error }: AnyError) {
    super(`${error.code}: ${error.message} (request ${error.request_id})`);
    this.code = error.code;
    this.details = error.details;
  }
}

/** Return the body of a response, or throw the error that it is. */
function expect<Body>(result: { data?: Body; error?: AnyError }): Body {
  if (result.data !== undefined) return result.data;
  throw result.error ? new Failed(result.error) : new Error("no body");
}

/** Whether an error is that of a write with If-Match: then it has the task as it is now. */
function isChanged(body: AnyError): body is ChangedTaskEnvelope {
  return body.error.code === "PRECONDITION_FAILED";
}

/** The headers of a write. Each write gets its own key, and keeps it if it is sent again. */
const once = () => ({ "Idempotency-Key": crypto.randomUUID() });
const etag = (task: Task) => `"${task.version}"`;

/** The tasks of a user. */
class Tasks {
  constructor(
    readonly client: Client<paths, "application/json">,
    readonly user: string,
  ) {}

  /** Create a task. It is not created twice, whatever happens to the response. */
  async create(body: TaskIn): Promise<Task> {
    const params = { path: { user_id: this.user }, header: once() };
    return expect(await this.client.POST("/api/{user_id}/tasks", { params, body })).data;
  }

  /** Create tasks in one write: all of them, or none. */
  async createMany(titles: string[], tag: string): Promise<void> {
    const operations = titles.map((title) => ({ op: "create" as const, title, tags: [tag], due_date: DAY }));
    const params = { path: { user_id: this.user }, header: once() };
    expect(await this.client.POST("/api/{user_id}/tasks/bulk", { params, body: { operations } }));
  }

  /** Yield the pending tasks with a tag and a due date before a day, from all pages. */
  async *dueBefore(day: string, tag: string): AsyncGenerator<Task> {
    const query = { status: "pending", due_before: day, tags_any: tag, sort: "due", limit: 2 } as const;
    let cursor: string | null = null;
    do {
      const params = { path: { user_id: this.user }, query: { ...query, ...(cursor && { cursor }) } };
      const page: TaskListEnvelope = expect(await this.client.GET("/api/{user_id}/tasks", { params }));
      yield* page.data as Task[]; // Without the parameter `fields`, every task is whole.
      cursor = page.pagination.next_cursor;
    } while (cursor !== null);
  }

  /**
   * Change a task that was read before.
   *
   * What others have changed since is kept, if it is not the same fields. Otherwise this asks what to do: here, our
   * values win, but only over the values that we have seen.
   */
  async update(task: Task, body: TaskChangesIn): Promise<Task> {
    for (;;) {
      const result = await this.client.PATCH("/api/{user_id}/tasks/{task_id}", {
        params: {
          path: { user_id: this.user, task_id: task.id },
          header: { ...once(), "If-Match": etag(task), Prefer: "merge=disjoint" },
        },
        body,
      });
      if (!result.error || !isChanged(result.error)) return expect(result).data;
      const { current, changed } = result.error.error.details;
      console.log("412: others have changed", (changed ?? ["something"]).join(", "), "of", current.title);
      task = current;
    }
  }

  /** Complete a task. Return it, with the next occurrence if there is one; and the number of the write. */
  async complete(task: Task): Promise<{ completed: TaskEnvelope; write: number }> {
    const result = await this.client.PATCH("/api/{user_id}/tasks/{task_id}/complete", {
      params: {
        path: { user_id: this.user, task_id: task.id },
        header: { ...once(), "If-Match": etag(task) },
      },
      body: { completed: true },
    });
    return { completed: expect(result), write: Number(result.response.headers.get("Change")) };
  }

  /** Take back a write. */
  async undo(write: number): Promise<void> {
    const params = { path: { user_id: this.user, number: write }, header: once() };
    expect(await this.client.POST("/api/{user_id}/changes/{number}/undo", { params }));
  }

  /** Get a task. */
  async get(task_id: number): Promise<Task> {
    const params = { path: { user_id: this.user, task_id } };
    return expect(await this.client.GET("/api/{user_id}/tasks/{task_id}", { params })).data;
  }

  /** Delete a task, if it is still as it was read. */
  async delete(task: Task): Promise<void> {
    const params = {
      path: { user_id: this.user, task_id: task.id },
      header: { ...once(), "If-Match": etag(task) },
    };
    expect(await this.client.DELETE("/api/{user_id}/tasks/{task_id}", { params }));
  }

  /** Take a task out of the trash. */
  async restore(task_id: number): Promise<Task> {
    const params = { path: { user_id: this.user, task_id }, header: once() };
    return expect(await this.client.POST("/api/{user_id}/tasks/{task_id}/restore", { params })).data;
  }

  /** Yield all changes after a number, in order. */
  async *changesAfter(after: number): AsyncGenerator<FeedEntry> {
    for (let more = true; more; ) {
      const params = { path: { user_id: this.user }, query: { after, limit: 5 } };
      const page = expect(await this.client.GET("/api/{user_id}/changes", { params }));
      yield* page.data;
      ({ after, more } = page.pagination);
    }
  }

  /** Delete all tasks in one write, at most 100. */
  async deleteAll(): Promise<void> {
    const params = { path: { user_id: this.user }, header: once() };
    const body = { op: "delete", filter: { status: "all" }, max_affected: 100 } as const;
    expect(await this.client.POST("/api/{user_id}/tasks/bulk", { params, body }));
  }
}

/** Return everything that a generator yields. */
async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Do everything once, and print what happens. */
async function live(tasks: Tasks): Promise<void> {
  const path = { user_id: tasks.user };
  const plants = await tasks.create({
    title: "Water the plants",
    description: "Not the cactus",
    due_date: DAY,
    due_time: "18:30",
    time_zone: ZONE,
    priority: "high",
    tags: ["home"],
    recurrence: { rule: "FREQ=WEEKLY" },
    reminder: { minutes_before: 30 },
  });
  console.log("created:", plants.title, "due", plants.due_date, plants.due_time, "next", plants.recurrence?.next);

  await tasks.createMany(["Buy milk", "Call the bank", "Pay the rent"], "home");
  const found = await all(tasks.dueBefore(NEXT_WEEK, "home"));
  console.log("found on several pages:", found.map((task) => task.title).join(", "));

  await tasks.update(plants, { title: "Water all plants" });
  const merged = await tasks.update(plants, { priority: "low" }); // Still has the first version: another field.
  console.log("merged:", merged.title, merged.priority);
  const won = await tasks.update(plants, { title: "Water the ferns" }); // The same field.
  console.log("won:", won.title);

  const { completed, write } = await tasks.complete(won);
  console.log("next occurrence:", completed.next?.due_date);
  await tasks.undo(write);
  const task = await tasks.get(won.id);
  console.log("undone:", task.completed ? "completed" : "pending");

  await tasks.delete(task);
  const trash = expect(await tasks.client.GET("/api/{user_id}/trash", { params: { path } }));
  console.log("in the trash:", trash.data.find((each) => each.id === task.id)?.title);
  console.log("restored:", (await tasks.restore(task.id)).title);

  const changes = await all(tasks.changesAfter(plants.version - 1));
  const kinds = changes.filter((change) => change.task_id === task.id).map((change) => change.type);
  console.log("changes:", kinds.join(", "));
  const query = { time_zone: ZONE };
  const stats = expect(await tasks.client.GET("/api/{user_id}/tasks/stats", { params: { path, query } }));
  console.log("pending:", stats.data.pending);

  await tasks.deleteAll();
  try {
    await tasks.get(task.id);
  } catch (error) {
    if (!(error instanceof Failed) || error.code !== "TASK_NOT_FOUND") throw error;
    console.log("gone:", error.code);
  }
}

const { TASKAPP_URL: baseUrl = "", TASKAPP_USER: user = "", TASKAPP_TOKEN: token = "" } = process.env;
const headers = { Authorization: `Bearer ${token}` };
const client = createClient<paths, "application/json">({ baseUrl, headers, fetch: fetchWithRetry });
await live(new Tasks(client, user));
