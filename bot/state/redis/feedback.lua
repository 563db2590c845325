-- Ratings. KEYS[1] is the prefix; ARGV[1] names the command.

local P = KEYS[1]
local MONTH = 30 * 86400

local function ratings(answer) return P .. ':ratings:' .. answer end
local function rated_by(person) return P .. ':rated-by:' .. person end

local commands = {}

function commands.rate(answer, person, body)
  if body == '' then
    redis.call('HDEL', ratings(answer), person)
    redis.call('SREM', rated_by(person), answer)
  else
    redis.call('HSET', ratings(answer), person, body)
    redis.call('EXPIRE', ratings(answer), MONTH)
    redis.call('SADD', rated_by(person), answer)
  end
end

function commands.erase(answer)
  local people = redis.call('HKEYS', ratings(answer))
  for _, person in ipairs(people) do redis.call('SREM', rated_by(person), answer) end
  redis.call('DEL', ratings(answer))
  return #people
end

function commands.forget(person)
  local count = 0
  for _, answer in ipairs(redis.call('SMEMBERS', rated_by(person))) do
    count = count + redis.call('HDEL', ratings(answer), person)
  end
  redis.call('DEL', rated_by(person))
  return count
end

return commands[ARGV[1]](unpack(ARGV, 2))
