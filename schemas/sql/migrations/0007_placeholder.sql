-- Nothing: the number belongs to a change that is made beside this one, and takes this file's place.
SELECT;
