-- SPDX-License-Identifier: MIT
--
-- report.lua: what was measured as tables in Markdown and as a plot in SVG.

local report = {}

function report.write(name, text)
  local file = assert(io.open(name, "w"))
  assert(file:write(text))
  assert(file:close())
end

-- ---- Numbers ----

-- Three digits that count, thousands and millions in short.
local function short(value)
  if not value then return "-" end
  local size = math.abs(value)
  if size >= 999.5e3 then return ("%.3gM"):format(value / 1e6) end
  if size >= 9999.5 then return ("%.3gk"):format(value / 1e3) end
  if size >= 99.95 then return ("%.0f"):format(value) end
  return ("%.3g"):format(value)
end

local function sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  return copy
end

local function median(list)
  local copy = sorted(list)
  local half = (#copy + 1) // 2
  if #copy == 0 then return nil end
  if #copy % 2 == 1 then return copy[half] end
  return (copy[half] + copy[half + 1]) / 2
end

-- Rounds in which both have run: how much longer the first one took.
local function ratios(one, other, rounds)
  local list = {}
  if not one or not other then return list end
  for round = 1, rounds do
    local a, b = one.times[round], other.times[round]
    if a and b and a > 0 and b > 0 then list[#list + 1] = a / b end
  end
  return list
end

local function spread(list)
  if #list == 0 then return "-" end
  local copy = sorted(list)
  local digits = copy[1] < 0.1 and "%.2g" or "%.2f"
  return (digits .. " (" .. digits .. "-" .. digits .. ")"):format(
           median(list), copy[1], copy[#copy])
end

-- ---- Goals ----

-- The file of goals: workload, system calls, instructions; or workload, bytes.
function report.goals(name)
  local goals = {}
  for line in io.lines(name) do
    local words = {}
    for word in line:gsub("#.*", ""):gmatch("%S+") do
      words[#words + 1] = word
    end
    if #words == 2 then
      goals[words[1]] = { bytes = tonumber(words[2]) }
    elseif #words == 3 then
      goals[words[1]] = { calls = tonumber(words[2]),
                          instructions = tonumber(words[3]) }
    end
  end
  return goals
end

-- Counts of system calls vary by how much has come when one is made, those of
-- instructions by when the collector runs: a hundredth is no difference.
local function verdict(value, goal)
  if not value or not goal then return "" end
  if value <= goal * 1.01 then return "ok" end
  return ("over, %+.0f %%"):format((value / goal - 1) * 100)
end

-- ---- Tables ----

local function row(cells) return "| " .. table.concat(cells, " | ") .. " |\n" end

local function head(cells)
  local rule = {}
  for i in ipairs(cells) do rule[i] = "---" end
  return row(cells) .. row(rule)
end

local function has(chosen, name)
  for _, peer in ipairs(chosen) do
    if peer.name == name then return true end
  end
  return false
end

local function rounds_of(results)
  local rounds = 0
  for _, cells in pairs(results) do
    for _, cell in pairs(cells) do
      for round in pairs(cell.times) do rounds = math.max(rounds, round) end
    end
  end
  return rounds
end

local function counts_table(results, work_list, goals)
  local lines = { head { "workload", "per", "system calls", "goal", "",
                         "instructions", "goal", "" } }
  for _, workload in ipairs(work_list) do
    local cell = results[workload.name].luatcp
    local goal = goals[workload.name] or {}
    if cell and (cell.calls or cell.instructions) then
      lines[#lines + 1] = row {
        workload.name, workload.per,
        short(cell.calls), short(goal.calls), verdict(cell.calls, goal.calls),
        short(cell.instructions), short(goal.instructions),
        verdict(cell.instructions, goal.instructions) }
    end
  end
  return #lines > 1 and "\n## luatcp: counts and goals\n\n" ..
         table.concat(lines) or ""
end

local function peers_table(results, chosen, work_list, title, field)
  local cells, lines, any = { "workload" }, {}, false
  for _, peer in ipairs(chosen) do cells[#cells + 1] = peer.name end
  lines[1] = head(cells)
  for _, workload in ipairs(work_list) do
    local filled = false
    cells = { workload.name }
    for _, peer in ipairs(chosen) do
      local value = field(results[workload.name][peer.name])
      filled = filled or value ~= nil
      cells[#cells + 1] = short(value)
    end
    if filled then
      lines[#lines + 1] = row(cells)
      any = true
    end
  end
  return any and ("\n## %s\n\n%s"):format(title, table.concat(lines)) or ""
end

-- What is measured to see how much is left to be gained.
local LIMITS = { floor = true, C = true }

-- The module that was fastest beside luatcp, how much longer it took in each
-- round, and what follows when the rounds agree.
local function against_best(own, chosen, rounds)
  local best, best_ratios
  for _, peer in ipairs(chosen) do
    if peer.name ~= "luatcp" and not LIMITS[peer.name] then
      local list = ratios(own[peer.name], own.luatcp, rounds)
      if #list > 0 and (not best or median(list) < median(best_ratios)) then
        best, best_ratios = peer.name, list
      end
    end
  end
  if not best then return "-" end
  local range = sorted(best_ratios)
  local verdict = range[1] > 1 and "ahead" or range[#range] < 1 and "behind" or
                  "open"
  return ("%s: %s %s"):format(best, spread(best_ratios), verdict)
end

-- Processor time of each peer relative to LuaSocket, and where that is left out
-- to luatcp.
local function times_table(results, chosen, work_list)
  local rounds = rounds_of(results)
  local base = has(chosen, "luasocket") and "luasocket" or "luatcp"
  local cells, lines = { "workload" }, {}
  for _, peer in ipairs(chosen) do
    if peer.name ~= base then cells[#cells + 1] = peer.name end
  end
  cells[#cells + 1] = "luatcp to the floor"
  cells[#cells + 1] = "luatcp to C"
  cells[#cells + 1] = "luatcp to the best"
  if rounds == 0 then return "" end
  lines[1] = head(cells)
  for _, workload in ipairs(work_list) do
    local own = results[workload.name]
    local from = own[base]
    if workload.timed then
      cells = { workload.name }
      for _, peer in ipairs(chosen) do
        if peer.name ~= base then
          cells[#cells + 1] = spread(ratios(from, own[peer.name], rounds))
        end
      end
      cells[#cells + 1] = spread(ratios(own.floor, own.luatcp, rounds))
      cells[#cells + 1] = spread(ratios(own.C, own.luatcp, rounds))
      cells[#cells + 1] = against_best(own, chosen, rounds)
      lines[#lines + 1] = row(cells)
    end
  end
  return ("\n## Speed, %s = 1\n\nProcessor time of %s over that of the other " ..
          "in %d interleaved rounds: median (least-most). More is faster.\n" ..
          "The last columns are how near luatcp comes to the least that a " ..
          "Lua module costs, to\nplain C, and to the module that is best " ..
          "beside it: ahead or behind in all rounds, or\nopen.\n\n%s"):format(
          base, base, rounds, table.concat(lines))
end

local function memory_table(results, chosen, work_list, goals)
  local lines = { head { "workload", "of", "resident bytes", "Lua heap bytes",
                         "goal", "" } }
  for _, workload in ipairs(work_list) do
    for _, peer in ipairs(chosen) do
      local memory = results[workload.name][peer.name].memory
      if memory then
        local goal = peer.name == "luatcp" and
                     (goals[workload.name] or {}).bytes
        lines[#lines + 1] = row {
          workload.name, peer.name, short(memory.resident), short(memory.heap),
          goal and short(goal) or "",
          verdict(memory.resident or memory.heap, goal or nil) }
      end
    end
  end
  return #lines > 1 and
         "\n## Memory of an idle connection\n\nWhat each added, after data " ..
         "had gone both ways; the Lua heap is part of what is resident.\n\n" ..
         table.concat(lines) or ""
end

function report.table(results, chosen, work_list, goals)
  return "# Benchmark\n" ..
         counts_table(results, work_list, goals) ..
         peers_table(results, chosen, work_list, "System calls per operation",
                     function(cell) return cell and cell.calls end) ..
         peers_table(results, chosen, work_list, "Instructions per operation",
                     function(cell) return cell and cell.instructions end) ..
         times_table(results, chosen, work_list) ..
         memory_table(results, chosen, work_list, goals) ..
         peers_table(results, chosen, work_list, "Peak memory, bytes",
                     function(cell) return cell and cell.peak end)
end

-- ---- Plot ----

local WIDTH, HEIGHT = 640, 420
local LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50

local curves = {
  { title = "LuaSocket select", run = "select", peer = "luasocket",
    colour = "#c0392b" },
  { title = "luatcp select", run = "select", peer = "luatcp",
    colour = "#2471a3" },
  { title = "cqueues", run = "poller", peer = "cqueues", colour = "#b9770e" },
  { title = "luv", run = "poller", peer = "luv", colour = "#7d3c98" },
  { title = "luatcp poller", run = "poller", peer = "luatcp",
    colour = "#1e8449" },
  { title = "plain C", run = "poller", peer = "C", colour = "#555555" },
}

-- Points of a curve: connections and what a wake-up costs.
local function points_of(curve, results, work_list, field)
  local points = {}
  for _, workload in ipairs(work_list) do
    local cell = workload.run == curve.run and workload.descriptors and
                 results[workload.name][curve.peer]
    local value = cell and field(cell)
    if value then points[#points + 1] = { workload.size, value } end
  end
  return points
end

local function log10(x) return math.log(x, 10) end

-- The powers of ten around all values of a coordinate.
local function decades(lists, at)
  local least, most = math.huge, -math.huge
  for _, points in ipairs(lists) do
    for _, point in ipairs(points) do
      least, most = math.min(least, point[at]), math.max(most, point[at])
    end
  end
  local low, high = math.floor(log10(least)), math.ceil(log10(most))
  return low, math.max(high, low + 1)
end

local function draw(lists, unit)
  local x_low, x_high = decades(lists, 1)
  local y_low, y_high = decades(lists, 2)
  local function x_of(value)
    return LEFT + (log10(value) - x_low) / (x_high - x_low) *
           (WIDTH - LEFT - RIGHT)
  end
  local function y_of(value)
    return HEIGHT - BOTTOM - (log10(value) - y_low) / (y_high - y_low) *
           (HEIGHT - TOP - BOTTOM)
  end
  local out = {}
  local function add(format, ...) out[#out + 1] = format:format(...) end
  add('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" ' ..
      'font-family="sans-serif" font-size="12">', WIDTH, HEIGHT)
  add('<rect width="%d" height="%d" fill="white"/>', WIDTH, HEIGHT)
  add('<text x="%d" y="22" font-size="14">One wake-up among many ' ..
      'connections: %s</text>', LEFT, unit)
  for power = x_low, x_high do
    local x = x_of(10.0 ^ power)
    add('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>', x, TOP, x,
        HEIGHT - BOTTOM)
    add('<text x="%.1f" y="%d" text-anchor="middle">%.0f</text>', x,
        HEIGHT - BOTTOM + 18, 10.0 ^ power)
  end
  for power = y_low, y_high do
    local y = y_of(10.0 ^ power)
    add('<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/>', LEFT, y,
        WIDTH - RIGHT, y)
    add('<text x="%d" y="%.1f" text-anchor="end">%s</text>', LEFT - 8, y + 4,
        ("%.10f"):format(10.0 ^ power):gsub("%.?0+$", ""))
  end
  add('<text x="%d" y="%d" text-anchor="middle">connections</text>',
      (LEFT + WIDTH - RIGHT) // 2, HEIGHT - 12)
  for i, points in ipairs(lists) do
    local path = {}
    for j, point in ipairs(points) do
      path[j] = ("%.1f,%.1f"):format(x_of(point[1]), y_of(point[2]))
      add('<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>', x_of(point[1]),
          y_of(point[2]), points.curve.colour)
    end
    add('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>',
        table.concat(path, " "), points.curve.colour)
    add('<text x="%d" y="%d" fill="%s">%s</text>', LEFT + 12, TOP + 4 + 16 * i,
        points.curve.colour, points.curve.title)
  end
  add('</svg>')
  return table.concat(out, "\n") .. "\n"
end

local function microseconds(cell)
  local time = median(cell.times)
  return time and time * 1e6
end

local function instructions(cell) return cell.instructions end

-- Nothing when there is nothing to be seen.
function report.plot(results, work_list)
  for _, what in ipairs { { microseconds, "microseconds of processor time" },
                          { instructions, "instructions" } } do
    local lists, most = {}, 0
    for _, curve in ipairs(curves) do
      local points = points_of(curve, results, work_list, what[1])
      points.curve = curve
      if #points > 0 then lists[#lists + 1] = points end
      most = math.max(most, #points)
    end
    if most > 1 then return draw(lists, what[2]) end
  end
  return nil
end

return report
