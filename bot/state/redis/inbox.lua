-- The mailboxes. KEYS[1] is the prefix, whose hash tag puts every key into one slot;
-- ARGV[1] names the command, the rest are its arguments.
--
-- A conversation is in one of four states, told by the field "entry" of its hash: absent
-- (nothing waits), an id in the stream of ready conversations (delivered to nobody yet:
-- ready; delivered: claimed, once "token" is set), or "later" (postponed).

local P = KEYS[1]
local READY, LATER, BOXES, DEAD = P .. ':ready', P .. ':later', P .. ':boxes', P .. ':dead'
-- One consumer for all workers: the token tells them apart, and none is ever left over.
local GROUP, CONSUMER = 'workers', 'worker'
local WEEK, MONTH = 7 * 86400, 30 * 86400

local function hash(id) return P .. ':conversation:' .. id end
local function box(id) return P .. ':box:' .. id end
local function mail(id) return P .. ':mail:' .. id end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function schedule(id)
  local entry = redis.call('XADD', READY, '*', 'conversation', id)
  redis.call('HSET', hash(id), 'entry', entry)
end

-- The list `box` holds the keys in order; the hash `mail` what belongs to each of them:
-- the event, the person, since when, starts, failures.
local function append(id, key, event, person)
  if redis.call('HSETNX', mail(id), 'e' .. key, event) == 0 then return end
  local since = now()
  redis.call('RPUSH', box(id), key)
  redis.call('HSET', mail(id), 'p' .. key, person, 't' .. key, since)
  redis.call('ZADD', BOXES, 'NX', since, id)
  redis.call('PERSIST', hash(id))
  if redis.call('HEXISTS', hash(id), 'entry') == 0 then schedule(id) end
end

local function remove(id, key)
  if redis.call('LREM', box(id), 1, key) == 0 then return false end
  redis.call('HDEL', mail(id), 'e' .. key, 'p' .. key, 't' .. key, 's' .. key, 'f' .. key)
  return true
end

-- Sets the age of the oldest event right; whether anything waits.
local function settle(id)
  local oldest = redis.call('LINDEX', box(id), 0)
  if oldest then
    redis.call('ZADD', BOXES, redis.call('HGET', mail(id), 't' .. oldest), id)
    return true
  end
  redis.call('ZREM', BOXES, id)
  return false
end

local function leave_stream(entry)
  redis.call('XACK', READY, GROUP, entry)
  redis.call('XDEL', READY, entry)
end

local function unschedule(id)
  local entry = redis.call('HGET', hash(id), 'entry')
  if entry == 'later' then
    redis.call('ZREM', LATER, id)
  elseif entry then
    leave_stream(entry)
  end
  redis.call('HDEL', hash(id), 'entry', 'token', 'worker')
end

-- Ends a claim: to the end of the queue if something waits, else empty.
local function let_go(id)
  unschedule(id)
  if settle(id) then
    schedule(id)
  else
    redis.call('EXPIRE', hash(id), MONTH)
  end
end

local function owned(id, token)
  return redis.call('HGET', hash(id), 'token') == token
end

-- A claimed conversation: id, token, controls, delivery, then event, starts, failures
-- of each event.
local function work(id, token)
  local fields = redis.call('HMGET', hash(id), 'controls', 'delivery')
  local delivery = fields[2] and redis.call('GET', P .. ':delivery:' .. fields[2])
  local result = { id, token, fields[1] or '0', delivery or '' }
  for _, key in ipairs(redis.call('LRANGE', box(id), 0, -1)) do
    local found = redis.call('HMGET', mail(id), 'e' .. key, 's' .. key, 'f' .. key)
    result[#result + 1] = found[1]
    result[#result + 1] = found[2] or '0'
    result[#result + 1] = found[3] or '0'
  end
  return result
end

-- Claims what a stream entry names, if it still is that conversation's entry.
local function take(entry, id, worker, token)
  if redis.call('HGET', hash(id), 'entry') ~= entry then
    leave_stream(entry)
    return nil
  end
  if redis.call('LLEN', box(id)) == 0 then -- what waited there was forgotten meanwhile
    let_go(id)
    return nil
  end
  redis.call('HSET', hash(id), 'token', token, 'worker', worker)
  return work(id, token)
end

-- The fields of an entry are nil when it was deleted from the stream behind our back.
local function take_entry(found, worker, token)
  if found and found[2] then return take(found[1], found[2][2], worker, token) end
end

local function take_over(worker, token, lease)
  while true do
    local idle = redis.call('XPENDING', READY, GROUP, 'IDLE', lease, '-', '+', 1)[1]
    if not idle then return nil end
    local found = redis.call('XCLAIM', READY, GROUP, CONSUMER, lease, idle[1])[1]
    if not found or not found[2] then
      redis.call('XACK', READY, GROUP, idle[1])
    end
    local result = take_entry(found, worker, token)
    if result then return result end
  end
end

local function take_ready(worker, token)
  while true do
    local read = redis.call(
      'XREADGROUP', 'GROUP', GROUP, CONSUMER, 'COUNT', 1, 'STREAMS', READY, '>')
    if not read or not read[1] then return nil end
    local result = take_entry(read[1][2][1], worker, token)
    if result then return result end
  end
end

local function promote()
  local due = redis.call('ZRANGEBYSCORE', LATER, '-inf', now(), 'LIMIT', 0, 100)
  for _, id in ipairs(due) do
    redis.call('ZREM', LATER, id)
    schedule(id)
  end
end

local function store(id, answer, body, tags)
  redis.call('SET', P .. ':delivery:' .. answer, body, 'EX', MONTH)
  redis.call('HSET', hash(id), 'answered', '1')
  for tag in string.gmatch(tags, '[^\n]+') do
    redis.call('SET', P .. ':message:' .. tag, answer, 'EX', MONTH)
  end
end

local commands = {}

function commands.accept(id, key, event, person, digest, limit, control)
  local seen = P .. ':seen:' .. digest
  if redis.call('EXISTS', seen) == 1 then return 'duplicate' end
  if redis.call('HEXISTS', mail(id), 'e' .. key) == 1 then return 'duplicate' end
  if limit ~= '' then
    local said = 0
    for _, other in ipairs(redis.call('LRANGE', box(id), 0, -1)) do
      if string.sub(other, 1, 5) == 'said:' then said = said + 1 end
    end
    if said >= tonumber(limit) then return 'full' end
  end
  redis.call('SET', seen, '1', 'EX', WEEK)
  append(id, key, event, person)
  if control == '1' then redis.call('HINCRBY', hash(id), 'controls', 1) end
  return 'stored'
end

-- A worker asks for work. `sweep` is '1' when the pending ones are to be looked at first.
function commands.claim(worker, token, lease, sweep)
  promote()
  if sweep == '1' then
    local result = take_over(worker, token, lease)
    if result then return result end
  end
  return take_ready(worker, token) or take_over(worker, token, lease) or {}
end

-- The same for an entry that a blocking read has just delivered.
function commands.take(worker, token, entry, id)
  return take(entry, id, worker, token) or {}
end

function commands.reread(id, token)
  if not owned(id, token) then return 'lost' end
  return work(id, token)
end

-- Keeps claims; returns the places, in the arguments, of those that are lost. Only what
-- is still owned: a worker woken from a pause must not take its work back.
function commands.extend(...)
  local lost, pairs_given = {}, { ... }
  for at = 1, #pairs_given, 2 do
    local id, token = pairs_given[at], pairs_given[at + 1]
    if owned(id, token) then
      local entry = redis.call('HGET', hash(id), 'entry')
      redis.call('XCLAIM', READY, GROUP, CONSUMER, 0, entry, 'JUSTID')
    else
      lost[#lost + 1] = (at - 1) / 2
    end
  end
  return lost
end

function commands.controls(...)
  local counts = {}
  for at, id in ipairs({ ... }) do
    counts[at] = tonumber(redis.call('HGET', hash(id), 'controls') or 0)
  end
  return counts
end

function commands.begin(id, token, answer, body, tags, ...)
  if not owned(id, token) then return 'lost' end
  store(id, answer, body, tags)
  redis.call('HSET', hash(id), 'delivery', answer)
  for _, key in ipairs({ ... }) do
    if redis.call('HEXISTS', mail(id), 'e' .. key) == 1 then
      redis.call('HINCRBY', mail(id), 's' .. key, 1)
    end
  end
end

function commands.record(id, token, answer, body, tags)
  if not owned(id, token) then return 'lost' end
  store(id, answer, body, tags)
end

function commands.finish(id, token, answer, body, tags, ...)
  if not owned(id, token) then return 'lost' end
  if answer ~= '' then store(id, answer, body, tags) end
  for _, key in ipairs({ ... }) do remove(id, key) end
  redis.call('HDEL', hash(id), 'delivery')
  let_go(id)
end

function commands.postpone(id, token, delay, reason, ...)
  if not owned(id, token) then return 'lost' end
  for _, key in ipairs({ ... }) do
    if redis.call('HEXISTS', mail(id), 'e' .. key) == 1 then
      redis.call('HINCRBY', mail(id), 'f' .. key, 1)
    end
  end
  if redis.call('LLEN', box(id)) == 0 then return let_go(id) end -- all was forgotten
  unschedule(id)
  redis.call('HSET', hash(id), 'entry', 'later', 'reason', reason)
  redis.call('ZADD', LATER, now() + tonumber(delay), id)
end

function commands.release(id, token)
  if not owned(id, token) then return 'lost' end
  let_go(id)
end

-- A letter is JSON in the hash DEAD, beside a sorted set that keeps their order.
function commands.bury(id, token, answer, body, tags, letter, reason, ...)
  if not owned(id, token) then return 'lost' end
  local wanted, events = {}, {}
  for _, key in ipairs({ ... }) do wanted[key] = true end
  for _, key in ipairs(redis.call('LRANGE', box(id), 0, -1)) do
    if wanted[key] then
      local found = redis.call('HMGET', mail(id), 'e' .. key, 'p' .. key)
      events[#events + 1] = { key = key, event = found[1], person = found[2] }
    end
  end
  if #events > 0 then
    local number = redis.call('INCR', P .. ':letters')
    local at = tostring(now() / 1000)
    local text = { conversation = id, reason = reason, at = at, events = events }
    redis.call('HSET', DEAD, letter, cjson.encode(text))
    redis.call('ZADD', DEAD .. ':order', number, letter)
  end
  return commands.finish(id, token, answer, body, tags, ...)
end

local function drop_letter(letter)
  redis.call('HDEL', DEAD, letter)
  redis.call('ZREM', DEAD .. ':order', letter)
end

function commands.dead_letters(limit)
  local result = {}
  for _, letter in ipairs(redis.call('ZREVRANGE', DEAD .. ':order', 0, limit - 1)) do
    result[#result + 1] = letter
    result[#result + 1] = redis.call('HGET', DEAD, letter)
  end
  return result
end

function commands.revive(letter)
  local text = redis.call('HGET', DEAD, letter)
  if not text then return 0 end
  local found = cjson.decode(text)
  for _, event in ipairs(found.events) do
    append(found.conversation, event.key, event.event, event.person)
  end
  drop_letter(letter)
  return 1
end

function commands.stats()
  local waiting = 0
  for _, id in ipairs(redis.call('ZRANGE', BOXES, 0, -1)) do
    waiting = waiting + redis.call('LLEN', box(id))
  end
  local oldest = redis.call('ZRANGE', BOXES, 0, 0, 'WITHSCORES')[2]
  local age = oldest and math.max(0, now() - tonumber(oldest)) or 0
  local claimed = redis.call('XPENDING', READY, GROUP)[1]
  return { waiting, redis.call('ZCARD', BOXES), claimed, redis.call('HLEN', DEAD), age }
end

function commands.forget(person)
  local count = 0
  for _, id in ipairs(redis.call('ZRANGE', BOXES, 0, -1)) do
    for _, key in ipairs(redis.call('LRANGE', box(id), 0, -1)) do
      if redis.call('HGET', mail(id), 'p' .. key) == person and remove(id, key) then
        count = count + 1
      end
    end
    -- Who is at work there just now finds out by itself.
    if not settle(id) and redis.call('HEXISTS', hash(id), 'token') == 0 then let_go(id) end
  end
  for _, letter in ipairs(redis.call('HKEYS', DEAD)) do
    local found, kept = cjson.decode(redis.call('HGET', DEAD, letter)), {}
    for _, event in ipairs(found.events) do
      if event.person ~= person then kept[#kept + 1] = event end
    end
    count = count + #found.events - #kept
    if #kept == 0 then
      drop_letter(letter)
    elseif #kept < #found.events then
      found.events = kept
      redis.call('HSET', DEAD, letter, cjson.encode(found))
    end
  end
  return count
end

-- Brings the queue back after the stream, or its group, was lost (a FLUSH, an eviction):
-- what waits in the mailboxes is scheduled anew.
function commands.heal()
  redis.pcall('XGROUP', 'CREATE', READY, GROUP, '0', 'MKSTREAM')
  for _, id in ipairs(redis.call('ZRANGE', BOXES, 0, -1)) do
    local entry = redis.call('HGET', hash(id), 'entry')
    if entry == 'later' then
      redis.call('ZADD', LATER, 'NX', now(), id)
    elseif not entry or #redis.call('XRANGE', READY, entry, entry) == 0 then
      schedule(id)
    end
  end
end

return commands[ARGV[1]](unpack(ARGV, 2))
