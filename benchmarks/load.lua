-- The requests of wrk. Arguments: the operation, a file of users and their tokens, the id of the first task, the number
-- of tasks, the step between ids, and the query string of a list.
--
-- Task n belongs to user n of the file, modulo the number of users. Deletions go through the tasks in order, once. All
-- other operations visit the tasks in scattered order.

local requests = {
  get = { method = "GET" },
  list = { method = "GET", collection = true },
  create = { method = "POST", collection = true },
  update = { method = "PUT" },
  complete = { method = "PATCH", suffix = "/complete" },
  delete = { method = "DELETE", in_order = true },
}
-- A prime, so that its multiples visit every task before they repeat one.
local STRIDE = 15485863

local users, sent = {}, 0
local spec, operation, first, count, step, query

function init(args)
  operation = args[1]
  spec = requests[operation]
  first, count, step, query = tonumber(args[3]), tonumber(args[4]), tonumber(args[5]), args[6] or ""
  for line in io.lines(args[2]) do
    local user, token = line:match("(%S+) (%S+)")
    local headers = { ["Authorization"] = "Bearer " .. token, ["Host"] = wrk.headers["Host"] }
    if operation == "create" or operation == "update" then
      headers["Content-Type"] = "application/json"
    end
    users[#users + 1] = { tasks = "/api/" .. user .. "/tasks", headers = headers }
  end
end

local function body(n)
  if operation == "create" then
    return '{"title": "New task ' .. n .. '", "description": "What it is about, in a sentence of the usual length.", '
      .. '"priority": "high", "tags": ["errand", "home"], '
      .. '"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}'
  elseif operation == "update" then
    return '{"title": "Changed ' .. n .. ' times", "completed": ' .. tostring(n % 2 == 0)
      .. ', "priority": "low", "tags": ["home", "late"], "due_date": "2027-01-' .. string.format("%02d", n % 31 + 1) .. '"}'
  end
end

function request()
  local n = spec.in_order and sent or (sent * STRIDE) % count
  sent = sent + 1
  local user = users[n % #users + 1]
  local path = user.tasks
  if spec.collection then
    path = path .. query
  else
    path = path .. "/" .. string.format("%d", first + n * step) .. (spec.suffix or "")
  end
  return wrk.format(spec.method, path, user.headers, body(sent))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50": %.3f, "p95": %.3f, "p99": %.3f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
