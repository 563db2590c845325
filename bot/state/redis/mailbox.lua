-- The mailboxes: what the commands of inbox.lua, which follows, are made of. KEYS[1] is
-- the prefix, whose hash tag puts every key into one slot.
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
